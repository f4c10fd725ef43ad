"""MLflow's server and ours as contenders."""

import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.load.post import JSON
from bench.serving.contender import Contender
from ordinis_mlflow.errors import ServingError
from ordinis_mlflow.graph.session import INPUT

OUR_MODULE = "flows.serve"
OUR_FLAGS: tuple[str, ...] = ()
"""TO BE FILLED IN when ``flows.serve`` has settled: its flags, with ``{model}``, ``{port}``."""
WITHOUT_OBSERVABILITY: tuple[str, ...] = ()
"""TO BE FILLED IN: further flags that turn metrics and prediction log off."""
BULK_TYPE = "application/vnd.apache.parquet"


def mlflow(name: str, model: Path, body: bytes) -> Contender:
    """Plain ``mlflow models serve`` of a saved model, in this environment."""
    command = ("-m", "mlflow", "models", "serve", "-m", str(model), "--env-manager", "local")
    where = ("-h", "127.0.0.1", "-p", "{port}")
    return Contender(name, (sys.executable, *command, *where), "/invocations", body)


def ours(
    model: str | Path,
    body: bytes,
    content_type: str = JSON,
    flags: tuple[str, ...] = OUR_FLAGS,
    name: str = "ours",
) -> Contender:
    """Our server: ``python -m flows.serve`` with flags in which ``{model}`` stands for the model.

    Raises:
        ServingError: no flags are known.
    """
    if not flags:
        raise ServingError("fill in OUR_FLAGS of bench/serving/contenders.py, or say flags=")
    filled = (flag.replace("{model}", str(model)) for flag in flags)
    command = (sys.executable, "-m", OUR_MODULE, *filled)
    return Contender(name, command, "/invocations", body, content_type)


def inputs(windows: npt.NDArray[np.floating]) -> bytes:
    """MLflow's body for our graph: windows of raw bars by the input's name."""
    return json.dumps({"inputs": {INPUT: windows.tolist()}}).encode()


def unnamed_inputs(windows: npt.NDArray[np.floating]) -> bytes:
    """MLflow's body for its onnx flavor: ready-made windows of features, without a name."""
    return json.dumps({"inputs": windows.astype(np.float64).round(7).tolist()}).encode()
