"""The floor and the peers as contenders: how each is started, and what it is sent."""

import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.peers.environments import environment
from bench.peers.graph import BATCH_VARIABLE, FILE_VARIABLE
from bench.serving.contender import Contender
from ordinis_mlflow.graph.session import INPUT

ROOT = Path(__file__).parents[2]
BATCH_WAIT_S = 0.001
Bars = npt.NDArray[np.float64]


def floor(graph: Path, bars: Bars) -> Contender:
    """One bare session behind uvicorn, sent what MLflow's server is sent."""
    return Contender(
        "floor",
        (sys.executable, "-m", "bench.peers.floor", "{port}"),
        "/invocations",
        json.dumps({"inputs": {INPUT: bars.tolist()}}).encode(),
        environment=_variables(graph, 0),
    )


def peers(graph: Path, bars: Bars, batch: int = 0) -> list[Contender]:
    """BentoML, LitServe and MLServer; their environments are built if need be.

    Args:
        graph: ``model.onnx`` of a packaged model.
        bars: one window, shape (1, lookback, 5).
        batch: most requests that each may put together; 0 for no batching, which is faster here.
    """
    return [bentoml(graph, bars, batch), litserve(graph, bars, batch), mlserver(graph, bars, batch)]


def bentoml(graph: Path, bars: Bars, batch: int = 0) -> Contender:
    """Sent arrays in JSON, BentoML's own form."""
    service = ["serve", "bench.peers.bentoml.service:Signals", "--host", "127.0.0.1"]
    return Contender(
        "bentoml",
        (str(environment("bentoml") / "bentoml"), *service, "--port", "{port}"),
        "/signals",
        json.dumps({"bars": bars.tolist()}).encode(),
        environment=(*_variables(graph, batch), ("BENTOML_DO_NOT_TRACK", "True")),
    )


def litserve(graph: Path, bars: Bars, batch: int = 0) -> Contender:
    """Sent one window, which LitServe batches itself."""
    (window,) = bars
    return Contender(
        "litserve",
        (str(environment("litserve") / "python"), "-m", "bench.peers.litserve.service", "{port}"),
        "/signals",
        json.dumps({"bars": window.tolist()}).encode(),
        environment=_variables(graph, batch),
    )


def mlserver(graph: Path, bars: Bars, batch: int = 0) -> Contender:
    """Sent the Open Inference Protocol with a flat list of numbers, its fastest JSON."""
    tensor = {"name": INPUT, "shape": bars.shape, "datatype": "FP64", "data": bars.ravel().tolist()}
    settings = {
        "MLSERVER_HOST": "127.0.0.1",
        "MLSERVER_HTTP_PORT": "{port}",
        "MLSERVER_GRPC_PORT": "{second_port}",
        "MLSERVER_METRICS_PORT": "{third_port}",
        "MLSERVER_PARALLEL_WORKERS": "0",
        "MLSERVER_DEBUG": "false",
        "MLSERVER_MODEL_MAX_BATCH_SIZE": str(batch),
        "MLSERVER_MODEL_MAX_BATCH_TIME": str(BATCH_WAIT_S if batch else 0),
    }
    folder = ROOT / "bench" / "peers" / "mlserver"
    return Contender(
        "mlserver",
        (str(environment("mlserver") / "mlserver"), "start", str(folder)),
        "/v2/models/signals/infer",
        json.dumps({"inputs": [tensor]}).encode(),
        environment=(*_variables(graph, batch), *settings.items()),
    )


def _variables(graph: Path, batch: int) -> tuple[tuple[str, str], ...]:
    found = {FILE_VARIABLE: str(graph), BATCH_VARIABLE: str(batch), "PYTHONPATH": str(ROOT)}
    return tuple(found.items())
