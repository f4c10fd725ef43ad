"""What Dockerfiles and compose.yaml say, as values."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
DOCKERFILES = sorted(DOCKER.glob("*.Dockerfile"))
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
EXAMPLE = dict(
    line.split("=", 1)
    for line in (DOCKER / "example.env").read_text().splitlines()
    if line and not line.startswith("#")
)
VARIABLE = re.compile(r"\$\{(\w+)([^}]*)\}")


@dataclass(frozen=True)
class Instruction:
    """One of a Dockerfile: its word in capitals, and what follows in one line."""

    word: str
    text: str

    @property
    def listed(self):
        """The words of its exec form; None if it is a line for a shell."""
        form = self.text.partition("CMD ")[2] if self.word == "HEALTHCHECK" else self.text
        return json.loads(form) if form.startswith("[") else None


def instructions(path):
    """Stage by stage: lists of instructions, each beginning with FROM."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    stages = []
    for line in filter(None, joined.splitlines()):
        word, _, text = line.partition(" ")
        if word == "FROM":
            stages.append([])
        stages[-1].append(Instruction(word, text.strip()))
    return stages


def one(stage, word):
    """The only instruction of a stage with this word."""
    (found,) = (each for each in stage if each.word == word)
    return found


def variables(stage):
    """What ENV sets."""
    pairs = (pair for each in stage if each.word == "ENV" for pair in each.text.split())
    return dict(pair.split("=", 1) for pair in pairs)


def filled(value, given):
    """A value of compose.yaml, with ``${NAME:?}`` filled in."""
    return VARIABLE.sub(lambda found: given[found[1]], str(value))
