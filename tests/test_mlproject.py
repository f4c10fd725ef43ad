"""MLproject, conda.yaml and the requirement files say the same as the code and as each other."""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from flows.audit import RegistryAuditOptions
from flows.audit_leakage import AuditOptions
from flows.compare import CompareOptions
from flows.crisis import CrisisOptions
from flows.desk import DeskOptions
from flows.evaluate import EvaluateOptions
from flows.export import ExportOptions
from flows.ingest import IngestOptions
from flows.loop import LoopOptions
from flows.main import ALIAS, NAME
from flows.materialize import MaterializeOptions
from flows.monitor import MonitorOptions
from flows.options import TrainOptions
from flows.predict import PredictOptions
from flows.promote import PromoteOptions
from flows.replay import ReplayOptions
from flows.retrain import RetrainOptions
from flows.rollback import RollbackOptions
from flows.serve import OPTIONS as SERVE_OPTIONS
from flows.tune import TuneOptions
from flows.tune_serving import TuneServingOptions
from flows.tuned_study import Measurement
from flows.walkforward import WalkOptions
from ordinis_mlflow.command_line import descriptions, parameters
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.quality import QualityRules
from ordinis_mlflow.retraining import RetrainPolicy

ROOT = Path(__file__).parents[1]
PROJECT = yaml.safe_load((ROOT / "MLproject").read_text())
ENTRY_POINTS = PROJECT["entry_points"]
OPTIONS = {
    "main": (TrainOptions, LSTMConfig),
    "train": (TrainOptions, LSTMConfig),
    "audit_leakage": (TrainOptions, LSTMConfig, AuditOptions),
    "evaluate": (EvaluateOptions,),
    "compare": (CompareOptions,),
    "promote": (PromoteOptions,),
    "rollback": (RollbackOptions,),
    "audit": (RegistryAuditOptions,),
    "walkforward": (TrainOptions, LSTMConfig, WalkOptions),
    "tune": (TrainOptions, LSTMConfig, Measurement, TuneOptions),
    "ingest": (IngestOptions, QualityRules),
    "materialize": (MaterializeOptions,),
    "export": (ExportOptions,),
    "predict": (PredictOptions,),
    "monitor": (MonitorOptions, RetrainPolicy),
    "replay": (TrainOptions, LSTMConfig, ReplayOptions, RetrainPolicy),
    "crisis": (CrisisOptions,),
    "retrain": (RetrainOptions, RetrainPolicy),
    "loop": (LoopOptions, RetrainPolicy),
    "desk": (DeskOptions,),
    "serve": SERVE_OPTIONS,
    "tune_serving": (TuneServingOptions,),
}
# Main registers what it serves, whatever train does.
DELIBERATE = {"main": {"register": NAME, "alias": ALIAS}}
REQUIREMENT_FILES = ("train.txt", "cpu.txt", "dev.txt")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

each_entry_point = pytest.mark.parametrize("name", OPTIONS)


def text(value):
    return str(value).lower() if isinstance(value, bool | None) else str(value)


def fields_of(name):
    return {field.name: field for field in parameters(*OPTIONS[name])}


def pins(*names):
    found = {}
    for name in names:
        for line in (ROOT / "requirements" / name).read_text().splitlines():
            if line.strip() and not line.startswith("#"):
                distribution, version = line.split("==")
                found[canonicalize_name(distribution)] = version
    return found


def conda_pip():
    conda = yaml.safe_load((ROOT / "conda.yaml").read_text())
    (pip,) = (each["pip"] for each in conda["dependencies"] if isinstance(each, dict))
    return conda, pip


def test_entry_points_are_these():
    assert set(ENTRY_POINTS) == set(OPTIONS)
    assert PROJECT["conda_env"] == "conda.yaml"


@each_entry_point
def test_parameters_are_the_fields(name):
    assert set(ENTRY_POINTS[name]["parameters"]) == set(fields_of(name))


@each_entry_point
def test_help_describes_every_parameter(name):
    said = descriptions(*OPTIONS[name])
    assert set(fields_of(name)) <= {field for field, text in said.items() if text}


@each_entry_point
def test_defaults_are_the_fields_defaults(name):
    expected = {key: text(field.default) for key, field in fields_of(name).items()}
    expected |= DELIBERATE.get(name, {})
    stated = ENTRY_POINTS[name]["parameters"]
    defaults = {key: text(stated[key]["default"]) for key in stated if "default" in stated[key]}
    missing = {"run_id"} if name == "export" else set()  # the one that has to be given
    assert set(expected) - set(defaults) == missing
    assert defaults == {key: value for key, value in expected.items() if key not in missing}


@each_entry_point
def test_numbers_are_declared_as_numbers(name):
    for key, field in fields_of(name).items():
        declared = ENTRY_POINTS[name]["parameters"][key]["type"]
        assert declared == ("float" if field.type in (int, float) else "string"), key


@each_entry_point
def test_every_parameter_is_passed(name):
    entry = ENTRY_POINTS[name]
    pairs = re.findall(r"--(\w+) \{(\w+)\}", entry["command"])
    assert all(option == value for option, value in pairs)
    assert [option for option, _ in pairs] == list(entry["parameters"])
    assert len(re.findall(r"\{", entry["command"])) == len(pairs)


@each_entry_point
def test_command_runs_the_module_of_that_name(name):
    assert ENTRY_POINTS[name]["command"].split()[:3] == ["python", "-m", f"flows.{name}"]
    assert (ROOT / "flows" / f"{name}.py").is_file()
    assert hasattr(importlib.import_module(f"flows.{name}"), "main")


@each_entry_point
def test_no_parameter_of_two_dataclasses_shares_a_name(name):
    names = [field.name for field in parameters(*OPTIONS[name])]
    assert len(names) == len(set(names))


def test_conda_states_an_exact_python():
    conda, _ = conda_pip()
    (python,) = (each for each in conda["dependencies"] if str(each).startswith("python"))
    assert re.fullmatch(r"python=3\.11\.\d+", python)
    version = python.removeprefix("python=")
    assert Requirement(f"python{PYPROJECT['requires-python']}").specifier.contains(version)


def test_conda_installs_one_build_of_onnxruntime():
    _, pip = conda_pip()
    wanted = set(pins("train.txt"))
    wanted |= {canonicalize_name(each.split("==")[0]) for each in pip if "==" in each}
    assert wanted & {"onnxruntime", "onnxruntime-gpu"} == {"onnxruntime-gpu"}
    assert "." in pip


def test_conda_pins_what_pyproject_allows():
    _, pip = conda_pip()
    assert [each for each in pip if each.startswith("-r")] == ["-r requirements/train.txt"]
    (gpu,) = map(Requirement, PYPROJECT["optional-dependencies"]["gpu"])
    (stated,) = (each for each in pip if each.startswith("onnxruntime"))
    assert gpu.specifier.contains(stated.split("==")[1])


@pytest.mark.parametrize("name", REQUIREMENT_FILES)
def test_requirements_are_exact(name):
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    for line in lines:
        assert not line.strip() or line.startswith("#") or re.fullmatch(r"[\w.-]+==[\w.+]+", line)


@pytest.mark.parametrize("name", [*REQUIREMENT_FILES, "../conda.yaml", "../pyproject.toml"])
def test_no_registry_is_named(name):
    content = (ROOT / "requirements" / name).read_text()
    for word in ("://", "--index", "--extra-index", "--find-links", "--trusted-host"):
        assert word not in content


def test_no_package_is_pinned_twice():
    separate = [set(pins(name)) for name in REQUIREMENT_FILES]
    assert len(set().union(*separate)) == sum(map(len, separate))


@pytest.mark.parametrize(
    ("extras", "files"),
    [((), ("train.txt",)), (("train", "cpu"), ("train.txt", "cpu.txt")), (("dev",), None)],
)
def test_pins_satisfy_pyproject(extras, files):
    pinned = pins(*(files or REQUIREMENT_FILES))
    wanted = list(PYPROJECT["dependencies"])
    for extra in extras:
        wanted += PYPROJECT["optional-dependencies"][extra]
    others = (each for each in map(Requirement, wanted) if each.name != "ordinis-mlflow")
    for requirement in others:
        version = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), (requirement, version)


def test_torch_and_mlflow_are_pinned_where_pyproject_pins_them():
    exact = [r for r in map(Requirement, PYPROJECT["dependencies"]) if r.name == "mlflow"]
    assert [str(each.specifier) for each in exact] == [f"=={pins('train.txt')['mlflow']}"]
