"""Policy: which gates a model must pass to get where."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.ledger import Entry
from ordinis_mlflow.promotion.gate import Gate
from ordinis_mlflow.reactions import Configured

STAGES = ("Production", "Staging")
"""Stages that are always protected."""
DEFAULT = "*"
"""The pattern that every model matches."""


@dataclass(frozen=True)
class Rule:
    """The gates of some models.

    Attributes:
        models: pattern of their names, as of ``fnmatch``; case counts.
        place: ``Production``, ``Staging`` or an alias with a table of its own, such as ``@canary``.
        gates: in the order in which they are asked.
    """

    models: str
    place: str
    gates: tuple[Gate, ...]


@dataclass(frozen=True)
class Policy:
    """A policy file that was read and found sound.

    Attributes:
        file: where it was read.
        digest: SHA-256 of its bytes: what a decision was made under.
        aliases: protected alias, in lower case, to the place that it stands for.
        cost_bps: cost of one unit of turnover, at which models are judged, basis points.
        rules: every table of gates, in the order of the file.
        reactions: every table of reactions, in the order of the file.
    """

    file: str
    digest: str
    aliases: Mapping[str, str]
    cost_bps: float
    rules: tuple[Rule, ...]
    reactions: tuple[Configured, ...] = ()

    def place(self, target: str) -> str | None:
        """What a stage, or an alias with ``@`` before it, stands for; None if it is not protected.

        Case does not count: ``@Champion`` is as protected as ``@champion``.
        """
        if target.startswith("@"):
            return self.aliases.get(target[1:].lower())
        return next((stage for stage in STAGES if stage.lower() == target.lower()), None)

    def alias_of(self, place: str) -> str | None:
        """The alias that is one fact with a stage; None if there is none."""
        return next((alias for alias, there in self.aliases.items() if there == place), None)

    def gates(self, model: str, target: str) -> tuple[Gate, ...]:
        """Those of the most specific rule: the one table that names the model most closely.

        A name without wildcards is closest, then the pattern with most letters of its own, then
        the one that comes first in the file. Its table stands alone: nothing is added from others.

        Raises:
            InvalidConfig: the target is not protected.
        """
        place = self.place(target)
        fitting = [r for r in self.rules if r.place == place and fnmatchcase(model, r.models)]
        if not fitting:
            raise InvalidConfig(
                f"policy {self.file} has no gates for target {target!r}: it protects "
                f"{', '.join((*STAGES, *(f'@{alias}' for alias in self.aliases)))}"
            )
        return max(fitting, key=lambda rule: _closeness(rule.models)).gates

    def reactions_to(self, entry: Entry) -> list[str]:
        """Names of the reactions that a decision is to have."""
        return [each.name for each in self.reactions if each.follows(entry)]


def _closeness(pattern: str) -> tuple[bool, int]:
    letters = sum(each not in "*?[]" for each in pattern)
    return letters == len(pattern), letters
