"""The wheel inside a package: the code that is running, whole, and the same bytes each time."""

import base64
import csv
import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import ordinis_mlflow
from ordinis_mlflow.flavor.wheel import pack_wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return pack_wheel(tmp_path_factory.mktemp("wheel"))


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_same_code_gives_the_same_bytes(wheel, tmp_path, saved_package):
    assert pack_wheel(tmp_path).read_bytes() == wheel.read_bytes()
    assert (saved_package / "wheels" / wheel.name).read_bytes() == wheel.read_bytes()


def test_name_states_distribution_version_and_tag(wheel):
    assert wheel.name == f"ordinis_mlflow-{ordinis_mlflow.__version__}-py3-none-any.whl"


def test_it_holds_every_module_and_nothing_else(wheel):
    root = Path(ordinis_mlflow.__file__).parent
    sources = {path.relative_to(root.parent).as_posix() for path in root.rglob("*.py")}
    inside = contents(wheel)
    info = f"ordinis_mlflow-{ordinis_mlflow.__version__}.dist-info"
    extra = {name for name in inside if name.startswith(info)}
    assert set(inside) == sources | extra
    assert {f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD")} <= extra
    assert all(inside[name] == (root.parent / name).read_bytes() for name in sources)
    assert b"Name: ordinis-mlflow" in inside[f"{info}/METADATA"]


def test_record_lists_every_file_with_its_hash(wheel):
    inside = contents(wheel)
    record = next(name for name in inside if name.endswith("/RECORD"))
    rows = list(csv.reader(io.StringIO(inside[record].decode())))
    assert [row[0] for row in rows] == list(inside)
    for name, digest, size in rows:
        if name == record:
            assert digest == size == ""
            continue
        expected = base64.urlsafe_b64encode(hashlib.sha256(inside[name]).digest()).rstrip(b"=")
        assert digest == f"sha256={expected.decode()}"
        assert int(size) == len(inside[name])


def test_pip_installs_it(wheel, tmp_path):
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--no-compile"]
    done = subprocess.run(
        [*pip, "--quiet", "--disable-pip-version-check", "--target", tmp_path, wheel],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import ordinis_mlflow.errors as e"
    check = [sys.executable, "-c", f"{code}; print(e.__file__)"]
    told = subprocess.run(check, capture_output=True, text=True, check=True)
    assert Path(told.stdout.strip()) == tmp_path / "ordinis_mlflow" / "errors.py"


WITHOUT_TRAINING_LIBRARIES = """
import sys
import warnings
for name in ("torch", "onnx", "onnxscript", "safetensors", "scipy.stats", "arch", "tqdm"):
    if name != "scipy.stats":
        sys.modules[name] = None  # importing it raises ImportError
import numpy as np
from ordinis_mlflow import flavor
model = flavor.load_model(sys.argv[1])
bars = model.predict(np.load(sys.argv[2], allow_pickle=False))
import mlflow
records = mlflow.pyfunc.load_model(sys.argv[1]).predict({"bars": np.load(sys.argv[2])})
assert len(bars) == len(records) == 6
print(repr(bars.mean.tolist()))
"""


def test_serving_needs_no_training_library(saved_package, small_model, small_windows, tmp_path):
    import numpy as np

    np.save(tmp_path / "windows.npy", small_windows[:6], allow_pickle=False)
    code = WITHOUT_TRAINING_LIBRARIES
    done = subprocess.run(
        [sys.executable, "-c", code, saved_package, tmp_path / "windows.npy"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    expected = small_model.predict(small_windows[:6]).mean.tolist()
    assert eval(done.stdout, {"__builtins__": {}}) == pytest.approx(expected, rel=1e-5)
