"""No line of the source reads a format that can run code."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("ordinis_mlflow", "flows")
    for path in (ROOT / folder).rglob("*.py")
)
MODULES = {"pickle", "cPickle", "_pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}
BUILTINS = {"eval", "exec", "compile", "__import__"}
CALLS = {
    "torch.load", "torch.save", "pd.read_pickle", "pandas.read_pickle", "yaml.load",
    "yaml.unsafe_load", "yaml.full_load", "os.system", "os.popen", "torch.jit.load",
}  # fmt: skip
POLITE = {"np.load", "numpy.load", "np.save", "np.savez", "np.savez_compressed"}


def dotted(node):
    """``a.b.c`` of an expression, or an empty string."""
    if isinstance(node, ast.Attribute):
        head = dotted(node.value)
        return f"{head}.{node.attr}" if head else ""
    return node.id if isinstance(node, ast.Name) else ""


def modules(node):
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    return {(node.module or "").split(".")[0]} if isinstance(node, ast.ImportFrom) else set()


def is_false(call, name):
    values = [each.value for each in call.keywords if each.arg == name]
    return len(values) == 1 and isinstance(values[0], ast.Constant) and values[0].value is False


def faults(source):
    for node in ast.walk(ast.parse(source)):
        for name in modules(node) & MODULES:
            yield f"line {node.lineno}: imports {name}"
        if isinstance(node, ast.ImportFrom) and node.module in ("torch", "numpy"):
            for name in {"load", "save", "savez"} & {alias.name for alias in node.names}:
                yield f"line {node.lineno}: imports {name} by its bare name"
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        if name in BUILTINS | CALLS or name.split(".")[-1] in ("read_pickle", "to_pickle"):
            yield f"line {node.lineno}: calls {name}"
        if name in POLITE and not is_false(node, "allow_pickle"):
            yield f"line {node.lineno}: {name} without allow_pickle=False"
        if any(each.arg == "shell" and not is_false(node, "shell") for each in node.keywords):
            yield f"line {node.lineno}: {name} with a shell"


@pytest.mark.parametrize("file", FILES)
def test_source_never_runs_what_it_reads(file):
    assert list(faults((ROOT / file).read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import torch\ntorch.load('x')",
        "from torch import load",
        "eval('1')",
        "exec('1')",
        "import numpy as np\nnp.load('x')",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import pandas as pd\npd.read_pickle('x')",
        "frame.to_pickle('x')",
        "import yaml\nyaml.load('x')",
        "import subprocess\nsubprocess.run('x', shell=True)",
    ],
)
def test_the_scan_finds_what_it_looks_for(source):
    assert len(list(faults(source))) == 1


def test_the_scan_lets_plain_reading_pass():
    assert (
        list(faults("import numpy as np\nnp.load('x', allow_pickle=False)\nnetwork.eval()")) == []
    )
