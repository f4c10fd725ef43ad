"""The rules of the house: who may import whom, and which library belongs to which room."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "ordinis_mlflow"
OUTSIDE = ("flows", "registry_hooks")
"""Packages beside it, each one room."""
WORDS = {"numpy", "pandas"}
ARITHMETIC = WORDS | {"scipy", "array_api_compat"}

FLOORS = {
    "errors": 0, "bars": 0, "signal": 0, "contract": 0, "verdict": 0,
    "features": 1, "revisions": 1, "splits": 1, "scoring": 1, "forecast": 1, "prediction": 1,
    "recalibration": 1, "schema": 1, "installed": 1, "npz": 1,
    "params": 1,
    "network": 2, "graph": 2, "quality": 2, "store": 2, "prepare": 2, "evaluation": 2,
    "baselines": 2, "drift": 2,
    "recalibration_choice": 2, "ledger": 2, "telemetry": 2, "prediction_log": 2,
    "client": 2, "retraining": 2,
    "tracking": 3, "flavor": 3, "lineage": 3, "leakage": 3, "command_line": 3,
    "reactions": 3, "tuning": 3, "speed": 3, "realised": 3,
    "plugins": 4, "serving": 4, "judging": 4, "promotion": 4,
    "server": 4, "registry": 4,
    "flows": 5, "registry_hooks": 5,
}  # fmt: skip
LIBRARIES = {
    "errors": WORDS,
    "bars": WORDS | {"sqlalchemy"},  # only where a database is read, inside its function
    "signal": WORDS,
    "contract": WORDS,
    "verdict": WORDS,
    "features": ARITHMETIC,
    "revisions": ARITHMETIC,
    "quality": WORDS | {"exchange_calendars"},
    "store": WORDS | {"pyarrow", "fsspec", "sqlalchemy", "alembic"},
    "schema": {"sqlalchemy", "alembic"},
    "installed": set(),
    "npz": {"numpy"},
    "command_line": {"mlflow"},
    "ledger": WORDS | {"sqlalchemy", "alembic"},
    "reactions": set(),
    "lineage": WORDS | {"mlflow"},
    "leakage": ARITHMETIC,
    "plugins": WORDS | {"mlflow", "fastapi"},
    "judging": WORDS,
    "promotion": WORDS,
    "server": {"mlflow", "fastapi", "starlette", "flask", "anyio", "jinja2", "sqlalchemy"},
    "registry": {"mlflow", "sqlalchemy"},
    "registry_hooks": WORDS | {"mlflow", "yaml", "requests"},
    "splits": ARITHMETIC,
    "scoring": ARITHMETIC,
    "params": {"numpy"},
    "speed": {"numpy"},
    "tuning": {"numpy", "optuna", "sqlalchemy"},
    "forecast": ARITHMETIC,
    "recalibration": ARITHMETIC,
    "recalibration_choice": {"numpy"},
    "telemetry": WORDS | {"prometheus_client", "hdrh"},
    "prediction_log": WORDS | {"pyarrow"},
    "prediction": ARITHMETIC,
    "prepare": ARITHMETIC,
    "evaluation": ARITHMETIC,
    "baselines": {"numpy", "scipy", "arch"},
    "drift": ARITHMETIC,
    "realised": ARITHMETIC,
    "network": {"numpy", "torch", "safetensors"},
    "graph": {"numpy", "onnx", "onnxruntime"},
    "retraining": {"numpy", "sqlalchemy", "alembic"},
    "client": WORDS | {"pyarrow", "requests"},
    "tracking": WORDS | {"mlflow", "matplotlib", "git", "jinja2"},
    "flavor": WORDS | {"mlflow", "yaml", "sqlalchemy"},  # the ledger of a registry without a server
    "serving": WORDS | {"mlflow", "requests", "msgspec", "uvicorn", "pyarrow"},
    "flows": WORDS | {"mlflow", "torch", "tqdm", "onnx"},
}
SAME_FLOOR = {
    ("forecast", "recalibration"),
    ("evaluation", "prepare"),
    ("baselines", "prepare"),
    ("plugins", "judging"),
    ("plugins", "server"),
    ("promotion", "judging"),
    ("plugins", "registry"),
    ("plugins", "serving"),
    ("registry", "promotion"),
}
"""errors is a word that every room may say; else rooms of one floor do not know each other."""
FILES_WITH_MORE = {
    "ordinis_mlflow/serving/tracing.py": {"opentelemetry"},
    "ordinis_mlflow/drift/report.py": {"evidently"},
    "ordinis_mlflow/graph/export.py": {"torch"},
    "ordinis_mlflow/scoring/bootstrap.py": {"arch"},
    "ordinis_mlflow/scoring/comparison.py": {"arch"},
}
WITHOUT_ONNX = (
    "session", "runtime", "amx", "agreement", "machine", "tunables", "proposal", "__init__",
)  # fmt: skip
"""Files of graph/ that a serving process loads."""


def sources():
    files = (file for tree in (PACKAGE, *OUTSIDE) for file in (ROOT / tree).rglob("*.py"))
    return sorted(path.relative_to(ROOT).as_posix() for path in files)


def room(file):
    """The room of a file; None for the package's own __init__."""
    first, *rest = Path(file).with_suffix("").parts
    if first in OUTSIDE:
        return first
    return None if rest == ["__init__"] else rest[0]


@cache
def imports(file):
    """Every module that a file imports, wherever in it: dotted names."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are written in full"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rooms_imported(file):
    rooms = set()
    for name in imports(file):
        first, *rest = name.split(".")
        if first in OUTSIDE:
            rooms.add(first)
        elif first == PACKAGE and rest and rest[0] != "__version__":
            rooms.add(rest[0])
    return rooms - {room(file)}


def libraries(file):
    own = {PACKAGE, *OUTSIDE, *sys.stdlib_module_names}
    return {name.split(".")[0] for name in imports(file)} - own


def test_every_file_is_in_a_room_of_the_plan():
    assert {room(file) for file in sources()} - {None} == FLOORS.keys() == LIBRARIES.keys()


@pytest.mark.parametrize("file", sources())
def test_a_room_imports_only_from_floors_below(file):
    here = room(file)
    for there in rooms_imported(file):
        allowed = there == "errors" or FLOORS[there] < FLOORS[here] or (here, there) in SAME_FLOOR
        assert allowed, f"{file} (floor {FLOORS[here]}) imports {there} (floor {FLOORS[there]})"


@pytest.mark.parametrize("file", sources())
def test_a_library_belongs_to_its_room(file):
    here = room(file)
    allowed = LIBRARIES[here] | FILES_WITH_MORE.get(file, set()) if here else set()
    assert libraries(file) <= allowed


@pytest.mark.parametrize("name", WITHOUT_ONNX)
def test_what_serving_loads_of_graph_needs_no_onnx(name):
    assert libraries(f"{PACKAGE}/graph/{name}.py") <= {"numpy", "onnxruntime"}


def test_nothing_imports_the_tests():
    for file in sources():
        assert not any(
            name.split(".")[0] in ("tests", "conftest", "pytest") for name in imports(file)
        )


LOADED = """
import sys
from ordinis_mlflow import flavor
def heavy():
    names = ("torch", "onnx", "onnxscript", "optuna", "evidently", "arch", "safetensors",
             "exchange_calendars", "ordinis_mlflow.store")
    return sorted(name for name in names if name in sys.modules)
after_import = heavy()
model = flavor.load_model(sys.argv[1])
print(after_import, heavy(), model.provider)
"""


def test_loading_a_model_imports_no_training_library(saved_package):
    done = subprocess.run(
        [sys.executable, "-c", LOADED, saved_package], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0].startswith("[] [] ")
