"""Signal graphs of small random networks, exported once each."""

import fcntl
import hashlib
from dataclasses import dataclass
from functools import cache
from unittest import mock

import numpy as np
import onnx
import torch
from torch import nn

from ordinis_mlflow.features import feature_set, fit_scaler, probe_bars
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.graph import export
from ordinis_mlflow.graph.export import SignalGraph, export_graph
from ordinis_mlflow.network import LSTMConfig, SignalLSTM
from ordinis_mlflow.recalibration import NONE, Recalibration

FEATURES = feature_set("technical@1")
VOLATILITY = "realised_volatility_20"
STEPS = 12
LOOKBACK = FEATURES.lookback + STEPS - 1


@dataclass(frozen=True)
class Case:
    """What differs between the exported graphs."""

    hidden: int
    layers: int
    horizon: int
    nu: int
    scaler: str
    network: str = "lstm"
    recalibration: Recalibration = NONE


SMALL = Case(hidden=8, layers=1, horizon=1, nu=4, scaler="standard")
LARGE = Case(hidden=64, layers=2, horizon=5, nu=6, scaler="robust")
MLP = Case(hidden=48, layers=1, horizon=1, nu=6, scaler="robust", network="mlp")
CASES = (
    SMALL,
    LARGE,
    Case(hidden=16, layers=2, horizon=1, nu=6, scaler="standard"),
    Case(hidden=16, layers=1, horizon=5, nu=4, scaler="robust"),
    MLP,
)


class Perceptron(nn.Module):
    """A network without a recurrent operator."""

    def __init__(self, hidden):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(STEPS * len(FEATURES.names), hidden),
            nn.Tanh(),
            nn.Linear(hidden, hidden),
            nn.Tanh(),
        )
        self.head = nn.Linear(hidden, 2)

    def forward(self, windows):
        head = self.head(self.layers(windows))
        return head[:, 0], nn.functional.softplus(head[:, 1]) + 1e-3


@dataclass(frozen=True, eq=False)
class Exported:
    """A module with its graph, and the graph at each step of its making."""

    module: SignalGraph
    unfolded: onnx.ModelProto
    unmerged: onnx.ModelProto
    graph: onnx.ModelProto


STEPS_OF_AN_EXPORT = ("unfolded", "unmerged", "graph")
shared = None
"""A folder that the workers of a session share: an export takes six seconds."""


@cache
def exported(case):
    module = _module(case)
    name = hashlib.sha256(str(case).encode()).hexdigest()[:16]
    files = [shared / f"{name}-{step}.onnx" for step in STEPS_OF_AN_EXPORT]
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not files[-1].exists():
            for model, file in zip(_exported(module), files, strict=True):
                onnx.save(model, file)
    return Exported(module, *map(onnx.load, files))


def _exported(module):
    """The graph at each step of its making."""
    with (
        mock.patch.object(export, "fold_constants", wraps=export.fold_constants) as fold,
        mock.patch.object(export, "merge_products", wraps=export.merge_products) as merge,
    ):
        graph = export_graph(module)
    return fold.call_args.args[0], merge.call_args.args[0], graph


def _module(case):
    table = FEATURES.history(probe_bars(500))[FEATURES.lookback - 1 :]
    times = np.arange(len(table)).astype("datetime64[ns]")
    scaler = fit_scaler(table, FEATURES.names, times, case.scaler)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        if case.network == "mlp":
            network = Perceptron(case.hidden)
        else:
            config = LSTMConfig(
                hidden_dim=case.hidden, num_layers=case.layers, sequence_length=STEPS
            )
            network = SignalLSTM(len(FEATURES.names), config)
            nn.init.normal_(network.head.weight, std=0.5)
    forecast = Forecast(case.horizon, case.nu, 0.02, case.recalibration)
    return SignalGraph(FEATURES, scaler, network, forecast, VOLATILITY, STEPS)


def random_windows(n, seed=0, bars=LOOKBACK):
    """Bars of random walks, each window at another price and volatility, shape (n, bars, 5)."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.uniform(-2, 8, (n, 1)))
    move = rng.uniform(0.002, 0.04, (n, 1))
    close = level * np.exp(np.cumsum(move * rng.standard_t(5, (n, bars)), axis=1))
    opened = close * np.exp(0.5 * move * rng.normal(size=(n, bars)))
    high = np.maximum(opened, close) * np.exp(move * rng.random((n, bars)))
    low = np.minimum(opened, close) * np.exp(-move * rng.random((n, bars)))
    volume = np.exp(rng.normal(12.0, 1.0, (n, bars)))
    return np.stack([opened, high, low, close, volume], axis=-1)


def constants(model, kind):
    """Initialisers of one type, by name."""
    return {
        each.name: onnx.numpy_helper.to_array(each)
        for each in model.graph.initializer
        if each.data_type == kind
    }


def operators(model):
    """How often each operator occurs."""
    counts = {}
    for node in model.graph.node:
        counts[node.op_type] = counts.get(node.op_type, 0) + 1
    return counts
