"""All standard features in one graph: the same signal as from NumPy's features."""

import numpy as np
import pytest
import torch
from graph_models import random_windows

from ordinis_mlflow.features import STANDARD_1, UNIT, fit_scaler, probe_bars
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.graph.agreement import parity
from ordinis_mlflow.graph.export import SignalGraph, export_graph, history_signal, torch_signal
from ordinis_mlflow.graph.session import GraphSession, SessionSettings
from ordinis_mlflow.network import LSTMConfig, SignalLSTM

STEPS = 6
BARS = STANDARD_1.lookback + STEPS - 1


@pytest.fixture(scope="module")
def module():
    table = STANDARD_1.history(probe_bars(600))[STANDARD_1.lookback - 1 :]
    times = np.arange(len(table)).astype("datetime64[ns]")
    scaler = fit_scaler(table, STANDARD_1.names, times, "robust")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        config = LSTMConfig(hidden_dim=16, num_layers=1, sequence_length=STEPS)
        network = SignalLSTM(len(STANDARD_1.names), config)
        torch.nn.init.normal_(network.head.weight, std=0.5)
    return SignalGraph(STANDARD_1, scaler, network, Forecast(1, 6, 0.02), UNIT.name, STEPS)


@pytest.fixture(scope="module")
def session(module):
    graph = export_graph(module).SerializeToString()
    return GraphSession(graph, SessionSettings(provider="cpu", threads=1))


def odd_windows():
    """A price that stands still, no volume at all, and a burst after both."""
    bars = random_windows(3, seed=9, bars=BARS)
    bars[0, 40:, :4] = bars[0, 40, 3]
    bars[1, :, 4] = 0.0
    bars[2, 40:-1] = bars[2, 40, 3]
    bars[2, 40:-1, 4] = 0.0
    return bars


@pytest.mark.parametrize("bars", [random_windows(32, bars=BARS), odd_windows()], ids=["all", "odd"])
def test_graph_equals_torch_and_numpy(module, session, bars):
    answered = session.run(bars)
    for name, reference in (
        ("torch", torch_signal(module, bars)),
        ("numpy", history_signal(module, bars)),
    ):
        verdict = parity(name, answered, reference)
        assert verdict.passed, verdict
    assert np.isfinite(answered.mean).all()
