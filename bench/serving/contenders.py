"""MLflow's server and ours as contenders."""

import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.load.post import JSON
from bench.serving.contender import Contender
from ordinis_mlflow.bars import COLUMNS
from ordinis_mlflow.graph.session import INPUT

BULK_TYPE = "application/vnd.apache.parquet"


def mlflow(name: str, model: Path, body: bytes) -> Contender:
    """Plain ``mlflow models serve`` of a saved model, in this environment."""
    command = ("-m", "mlflow", "models", "serve", "-m", str(model), "--env-manager", "local")
    where = ("-h", "127.0.0.1", "-p", "{port}")
    return Contender(name, (sys.executable, *command, *where), "/invocations", body)


def ours(
    model: Path, body: bytes, *flags: str, content_type: str = JSON, name: str = "ours"
) -> Contender:
    """Our server on a saved model, with further flags of ``flows.serve``."""
    return _ours("flows.serve", model, body, flags, content_type, name)


def unobserved(model: Path, body: bytes) -> Contender:
    """Our server with neither metrics nor prediction log."""
    return _ours("bench.serving.unobserved", model, body, (), JSON, "bare")


def _ours(
    module: str, model: Path, body: bytes, flags: tuple[str, ...], content_type: str, name: str
) -> Contender:
    command = ("-m", module, "--model", str(model), "--port", "{port}", *flags)
    return Contender(name, (sys.executable, *command), "/invocations", body, content_type)


def logging(model: Path, body: bytes, folder: Path) -> Contender:
    """Our server with metrics and prediction log."""
    return ours(model, body, "--log_folder", str(folder), name="with log")


def inputs(windows: npt.NDArray[np.floating]) -> bytes:
    """MLflow's body for our graph: windows of raw bars by the input's name."""
    return json.dumps({"inputs": {INPUT: windows.tolist()}}).encode()


def unnamed_inputs(windows: npt.NDArray[np.floating]) -> bytes:
    """MLflow's body for its onnx flavor: ready-made windows of features, without a name."""
    return json.dumps({"inputs": windows.astype(np.float64).round(7).tolist()}).encode()


def parquet(windows: npt.NDArray[np.float64], spacing: pd.Timedelta) -> bytes:
    """Each window, of shape (n, lookback, 5), as the bars of a symbol of its own, in Parquet."""
    count, lookback, _ = windows.shape
    times = pd.date_range("2020-01-01", periods=lookback, freq=spacing, tz="UTC")
    frame = pd.DataFrame(windows.reshape(-1, len(COLUMNS)), columns=list(COLUMNS))
    frame.insert(0, "timestamp", np.tile(times, count))
    frame.insert(0, "symbol", np.repeat([f"S{number:04}" for number in range(count)], lookback))
    return frame.to_parquet(index=False)
