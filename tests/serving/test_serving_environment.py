"""The model in an environment that MLflow builds for it: this package's wheel, no torch."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ordinis_mlflow.serving.mlflow_server import MlflowServer

SLOW = "ORDINIS_SLOW_TESTS"
ASK = """
import importlib.util, ordinis_mlflow, sys
print(ordinis_mlflow.__file__)
print(sorted(name for name in ("torch", "onnx", "onnxscript") if importlib.util.find_spec(name)))
"""

pytestmark = pytest.mark.usefixtures("tracking_store")


def missing(manager, requirements, programs):
    """Why this environment manager cannot be used here, or None."""
    if manager == "virtualenv":
        if not shutil.which("pyenv"):
            return "virtualenv needs pyenv on PATH"
        return None if os.environ.get(SLOW) else f"slow: set {SLOW}=1"
    uv = shutil.which("uv", path=programs["PATH"])
    if not uv:
        return "uv is not installed"
    command = [uv, "pip", "compile", "--quiet", "--no-deps", "-", "-o", os.devnull]
    pins = "\n".join(line for line in requirements.splitlines() if "==" in line)
    try:
        done = subprocess.run(command, input=pins, text=True, capture_output=True, timeout=30)
    except subprocess.TimeoutExpired:
        return "uv does not reach an index"
    return f"uv does not reach an index: {done.stderr[-200:]}" if done.returncode else None


@pytest.mark.parametrize("manager", ["uv", "virtualenv"])
def test_built_environment(
    manager, saved_package, small_model, small_windows, programs, tmp_path, monkeypatch
):
    requirements = (saved_package / "requirements.txt").read_text()
    reason = missing(manager, requirements, programs)
    if reason:
        pytest.skip(reason)
    folder = shutil.copytree(saved_package, tmp_path / "model")
    environments, elsewhere = tmp_path / "environments", tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)  # so that nothing is imported from the checkout
    monkeypatch.delenv("PYTHONPATH", raising=False)
    variables = {"MLFLOW_ENV_ROOT": str(environments), "PYTHONNOUSERSITE": "1", **programs}
    with MlflowServer(str(folder), manager, timeout_s=500, environment=variables) as server:
        served = server.signals(small_windows[:3])

    expected = small_model.predict(small_windows[:3]).records()
    for one, other in zip(served, expected, strict=True):
        assert one == pytest.approx(other, rel=1e-5, abs=1e-9)

    (python,) = (p for p in environments.rglob("bin/python") if (p.parents[1] / "lib").is_dir())
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    said = subprocess.run(
        [python, "-I", "-c", ASK], capture_output=True, text=True, check=True, env=environment
    )
    imported, unwanted = said.stdout.splitlines()
    assert "site-packages" in Path(imported).parts
    assert Path(imported).is_relative_to(python.parents[1])
    assert unwanted == "[]"
