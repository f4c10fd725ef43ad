"""What README tells a reader to type, open or import is there."""

import ast
import itertools
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from ordinis_mlflow.features import feature_set
from ordinis_mlflow.flavor.package import GRAPHS
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.signal import Signal

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.M | re.S)
PROSE = re.sub(r"^```.*?^```$", "", README, flags=re.M | re.S)
TICKED = re.findall(r"`([^`\n]+)`", PROSE)
ENTRY_POINTS = yaml.safe_load((ROOT / "MLproject").read_text())["entry_points"]
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M))


def commands():
    """Every command of a shell block, and every one that prose names."""
    lines = [line for kind, body in BLOCKS if kind == "sh" for line in body.splitlines()]
    found = [*lines, *TICKED]
    return [shlex.split(line, comments=True) for line in found if line.startswith(("make", "mlf"))]


def tree():
    """The words of the block that draws the folders, with where they are relative to."""
    (body,) = (body for _, body in BLOCKS if body.startswith("ordinis_mlflow/"))
    parent = ""
    for line in body.splitlines():
        names = re.match(r"(\s*)((?:\S+ )*\S+)", line)
        inside = bool(names[1])
        for word in re.split(r"\s{2,}", line.strip())[0].split():
            parent = parent if inside else word
            yield (f"{parent}{word}" if inside else word)


def test_two_commands():
    assert {"demo", "test"} <= {
        words[1] for words in commands() if words[0] == "make" and words[1:]
    }


def test_make_targets_exist():
    named = {words[1] for words in commands() if words[0] == "make" and len(words) > 1}
    assert named <= TARGETS, named - TARGETS


def test_mlflow_run_names_entry_points_and_their_parameters():
    runs = [words for words in commands() if words[:2] == ["mlflow", "run"] and words[-1] != "-e"]
    assert runs
    for words in runs:
        entry = words[words.index("-e") + 1] if "-e" in words else "main"
        given = {after.split("=")[0] for word, after in itertools.pairwise(words) if word == "-P"}
        assert given <= set(ENTRY_POINTS[entry]["parameters"]), words


def test_loose_parameters_exist():
    """A parameter that prose mentions without its command."""
    known = set().union(*(entry["parameters"] for entry in ENTRY_POINTS.values()))
    loose = set(re.findall(r"`-P (\w+)=", PROSE))
    assert loose
    assert loose <= known


def test_table_of_entry_points():
    rows = dict(re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", PROSE, flags=re.M))
    table = {name: cell for name, cell in rows.items() if name in ENTRY_POINTS}
    assert set(table) == set(ENTRY_POINTS)
    for name, cell in table.items():
        assert set(re.findall(r"`(\w+)`", cell)) - {"train"} <= set(
            ENTRY_POINTS[name]["parameters"]
        )


def test_python_blocks_compile_and_their_imports_exist():
    blocks = [body for kind, body in BLOCKS if kind == "python"]
    assert blocks
    for body in blocks:
        imports = [n for n in ast.walk(ast.parse(body)) if isinstance(n, ast.ImportFrom)]
        for node in imports:
            module = __import__(node.module, fromlist=[alias.name for alias in node.names])
            assert all(hasattr(module, alias.name) for alias in node.names)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)[^)]*\)", README))))
def test_links_lead_somewhere(target):
    assert "://" in target or (ROOT / target).exists()


def test_paths_in_prose_exist():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    tops = {line.split("/")[0] for line in tracked.splitlines()} or {"docs", "tests", "flows"}
    paths = [
        t for t in TICKED if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", t) and t.split("/")[0] in tops
    ]
    assert paths
    for path in paths:
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("path", sorted(set(tree())))
def test_drawn_folders_exist(path):
    found = ROOT / path
    assert found.is_dir() if path.endswith("/") else found.is_file()


def test_drawing_leaves_out_no_folder_of_the_package():
    package = ROOT / "ordinis_mlflow"
    rooms = {f"ordinis_mlflow/{each.parent.name}/" for each in package.glob("*/__init__.py")}
    files = {f"ordinis_mlflow/{each.name}" for each in package.glob("[a-z]*.py")}
    assert rooms | files <= set(tree())


def test_window_of_the_default_model():
    bars = feature_set("technical@1").lookback + LSTMConfig().sequence_length - 1
    assert f"default model reads {bars} bars" in README.replace("\n", " ")
    assert f"... {bars} bars]" in README


def test_fields_of_the_answer():
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", PROSE, flags=re.M)
    fields = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert [name for name in fields if name in Signal.names()] == list(Signal.names())


def test_files_of_the_package():
    (body,) = (body for _, body in BLOCKS if body.startswith("MLmodel"))
    for name in (*GRAPHS.values(), "scaler.json", "contract.json", "probe.npz", "manifest.json"):
        assert name in body


def test_gpu_pin_is_that_of_conda():
    (pin,) = set(re.findall(r"onnxruntime-gpu==[\d.]+\d", README))
    assert pin in (ROOT / "conda.yaml").read_text()
