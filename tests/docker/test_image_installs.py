"""The install steps of both Dockerfiles, run as they stand in an empty folder: minutes, on demand.

What is copied is what the Dockerfiles copy; the interpreter is this one, of the images' version.
"""

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from container_files import DOCKER, ROOT, instructions, one, variables
from tracking_server import free_port

SLOW = "ORDINIS_SLOW_TESTS"
PREFIX = "/opt/ordinis"
UNWANTED = ("torch", "onnx", "onnxscript", "optuna", "evidently", "safetensors", "pytest", "moto")
ASK = f"""
import importlib.util, ordinis_mlflow
print(ordinis_mlflow.__file__)
print([name for name in {UNWANTED} if importlib.util.find_spec(name)])
"""
START_SECONDS = 120

pytestmark = [
    pytest.mark.skipif(not os.environ.get(SLOW), reason=f"slow: set {SLOW}=1"),
    pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the images have Python 3.11"),
]


@dataclass(frozen=True)
class Image:
    """What a Dockerfile makes, in a folder."""

    prefix: Path
    name: str

    @property
    def environment(self):
        """Its own, and no program of this machine: git least of all."""
        built = variables(instructions(DOCKER / f"{self.name}.Dockerfile")[-1])
        return built | {"PATH": str(self.prefix / "bin"), "HOME": "/nonexistent"}

    def run(self, *words, **more):
        """A command in it, that has to succeed."""
        program = self.prefix / "bin" / words[0]
        options = {"env": self.environment, "cwd": "/", "capture_output": True, "text": True} | more
        done = subprocess.run([program, *words[1:]], **options)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module", params=["serving", "tracking"])
def image(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    prefix = folder / "opt"
    build = folder / "build"
    build.mkdir()
    for each in instructions(DOCKER / f"{request.param}.Dockerfile")[0]:
        if each.word == "COPY":
            source, target = each.text.split()
            copy(ROOT / source, build / target)
        elif each.word == "RUN":
            line = each.text.replace(PREFIX, str(prefix))
            line = re.sub("^python ", f"{sys.executable} ", line)
            subprocess.run(["/bin/sh", "-ec", line], cwd=build, check=True, env=plain())
    return Image(prefix, request.param)


def copy(source, target):
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    elif target.suffix:
        shutil.copy(source, target)
    else:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def plain():
    """This process's environment without what would lead Python elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def test_it_has_the_package_and_no_training_library(image):
    imported, unwanted = image.run("python", "-I", "-c", ASK).splitlines()
    assert Path(imported).is_relative_to(image.prefix)
    assert unwanted == "[]"


def test_its_server_starts_and_answers_its_health_check(image, saved_package, tmp_path):
    last = instructions(DOCKER / f"{image.name}.Dockerfile")[-1]
    port = free_port()
    own = {
        "serving": ("--model", str(saved_package), "--port", str(port)),
        "tracking": ("--app-name", "ordinis", "--port", str(port), "--registry-store-uri",
                     f"ordinis+sqlite:///{tmp_path}/mlflow.db", "--backend-store-uri",
                     f"sqlite:///{tmp_path}/mlflow.db", "--artifacts-destination",
                     f"{tmp_path}/artifacts"),
    }  # fmt: skip
    program, *entry = one(last, "ENTRYPOINT").listed
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [image.prefix / "bin" / program, *entry, *own[image.name], "--host", "127.0.0.1"],
            env=image.environment, cwd=tmp_path, stdout=out, stderr=out,
        )  # fmt: skip
        try:
            answers(image, one(last, "HEALTHCHECK").listed, port, process, log)
            path = {"serving": "/metrics", "tracking": "/ordinis/ledger.json"}[image.name]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
                assert answer.status == 200
        finally:
            process.terminate()
            assert process.wait(30) in (0, -15)


def answers(image, check, port, process, log):
    """Ask until it does; the program of the image asks."""
    words = [re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", word) for word in check[1:]]
    script = f"import time\nend = time.time() + {START_SECONDS}\nwhile True:\n try:\n  " + (
        f"exec({words[1]!r}); break\n except OSError:\n"
        "  if time.time() > end: raise\n  time.sleep(0.2)\n"
    )
    try:
        image.run(check[0], words[0], script, timeout=START_SECONDS + 10)
    except AssertionError:
        raise AssertionError((process.poll(), log.read_text())) from None
