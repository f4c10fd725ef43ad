"""Versions in the images are those that are tested, no more and no fewer than what is needed."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import requires

import pytest
from container_files import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HEAVY = ("torch", "onnx", "onnxscript", "optuna", "evidently", "safetensors", "plotly")
IMPORTED = f"""
import sys
from importlib.metadata import entry_points
if sys.argv[1] == "tracking":
    import mlflow.server.fastapi_app, ordinis_mlflow.server.app
    for group in ("ordinis.gates", "ordinis.reactions", "mlflow.model_registry_store"):
        [each.load() for each in entry_points(group=group) if each.dist.name == "ordinis-mlflow"]
else:
    import mlflow.pyfunc, ordinis_mlflow.serving.command
print([name for name in {HEAVY} if name in sys.modules])
"""
SERVING, TRACKING = ("serve", "cpu"), ("server",)
each_image = pytest.mark.parametrize(
    ("name", "extras"), [("serving", SERVING), ("tracking", TRACKING)], ids=["serving", "tracking"]
)


def pins(*names):
    lines = [
        line
        for name in names
        for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
        if not line.startswith("#")
    ]
    return dict(line.split("==") for line in lines)


def of_project(extras):
    """Requirements of this project with these extras; an extra may name others."""
    found = [Requirement(each) for each in PROJECT["dependencies"]] if extras else []
    for extra in extras:
        for requirement in map(Requirement, PROJECT["optional-dependencies"][extra]):
            own = requirement.name == PROJECT["name"]
            found += of_project(sorted(requirement.extras)) if own else [requirement]
    return found


def needed(requirements):
    """Names of all that these need here, with all that those need: read from what is installed."""
    found, waiting = {}, list(requirements)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if requirement.extras <= found.get(name, set()) and name in found:
            continue
        extras = found[name] = found.get(name, set()) | requirement.extras
        for other in map(Requirement, requires(name) or ()):
            if other.marker is None or any(
                other.marker.evaluate({"extra": extra}) for extra in ("", *extras)
            ):
                waiting.append(other)
    return set(found)


@each_image
def test_versions_are_those_that_are_tested(name, extras):
    assert pins(name).items() <= pins("train", "cpu", "dev").items()


def test_the_model_server_has_only_what_trainings_have_too():
    assert pins("serving").items() <= pins("train", "cpu").items()


@each_image
def test_they_are_complete_and_nothing_is_too_much(name, extras):
    assert set(pins(name)) == needed(of_project(extras))


@each_image
def test_they_satisfy_pyproject(name, extras):
    pinned = pins(name)
    for requirement in of_project(extras):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)])


@each_image
def test_what_builds_the_package_is_pinned_too(name, extras):
    text = (ROOT / f"docker/{name}.Dockerfile").read_text()
    assert f" setuptools=={pins('train')['setuptools']} " in text


@each_image
def test_no_training_library_is_in_them(name, extras):
    assert not set(HEAVY) & set(pins(name))


@each_image
def test_its_server_imports_none_where_they_are_installed(name, extras):
    """Its gates among it."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, name], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"


@each_image
def test_the_header_says_how_they_are_made(name, extras):
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    said = set(re.findall(r"--extra (\w+)", text.partition("\n\n")[0]))
    assert said == set(extras)
    assert "://" not in text
