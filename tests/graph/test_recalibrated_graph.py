"""Recalibration inside the graph: the same numbers as in NumPy, and next to no operators."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from graph_models import SMALL, exported, operators, random_windows
from torch import nn

from ordinis_mlflow.graph.agreement import parity
from ordinis_mlflow.graph.export import export_network, history_signal, torch_signal
from ordinis_mlflow.graph.runtime import onnxruntime
from ordinis_mlflow.graph.session import GraphSession, SessionSettings
from ordinis_mlflow.recalibration import Recalibration

CPU = SessionSettings(provider="cpu", threads=1)
MAPS = {
    "platt": Recalibration("platt", (0.4, 0.2)),
    "isotonic": Recalibration(
        "isotonic", (0.2, 0.35, 0.45, 0.5, 0.6, 0.8, 0.3, 0.3, 0.4, 0.55, 0.7, 0.7)
    ),
}
MOST_OPERATORS = 6
GRID = np.concatenate([[0.0, 1e-7], np.linspace(0.0, 1.0, 4001), [1 - 1e-7, 1.0]])

each_map = pytest.mark.parametrize("method", MAPS)


def case(method):
    return replace(SMALL, recalibration=MAPS[method])


@each_map
def test_graph_equals_torch_and_numpy(method):
    made = exported(case(method))
    session = GraphSession(made.graph.SerializeToString(), CPU)
    for n in (1, 2, 7, 64):
        bars = random_windows(n, seed=n)
        answered = session.run(bars)
        for name, reference in (
            ("torch", torch_signal(made.module, bars)),
            ("numpy", history_signal(made.module, bars)),
        ):
            verdict = parity(name, answered, reference)
            assert verdict.passed, verdict
            sure = np.abs(reference.strength - 0.02) > 1e-4  # away from the band's edge
            np.testing.assert_array_equal(answered.direction[sure], reference.direction[sure])


@each_map
def test_graph_applies_the_map_and_changes_nothing_else(method):
    bars = random_windows(64)
    plain = GraphSession(exported(SMALL).graph.SerializeToString(), CPU).run(bars)
    answered = GraphSession(exported(case(method)).graph.SerializeToString(), CPU).run(bars)
    np.testing.assert_allclose(answered.mean, plain.mean, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(answered.scale, plain.scale, rtol=1e-5)
    expected = MAPS[method].apply(plain.probability_up)
    np.testing.assert_allclose(answered.probability_up, expected, rtol=0, atol=1e-6)
    assert np.abs(answered.probability_up - plain.probability_up).max() > 0.01
    np.testing.assert_allclose(
        answered.strength, np.abs(2 * answered.probability_up - 1), rtol=0, atol=1e-6
    )


@each_map
def test_it_costs_few_operators(method):
    plain, recalibrated = operators(exported(SMALL).graph), operators(exported(case(method)).graph)
    assert sum(recalibrated.values()) - sum(plain.values()) <= MOST_OPERATORS
    onnx.checker.check_model(exported(case(method)).graph, full_check=True)


class Alone(nn.Module):
    """A map by itself, with the shape of a network."""

    def __init__(self, recalibration):
        super().__init__()
        self.recalibration = recalibration

    def forward(self, windows):
        probability = windows[:, 0, 0]
        return self.recalibration.apply(probability), probability


@each_map
def test_map_is_the_same_everywhere_from_0_to_1(method):
    model = export_network(Alone(MAPS[method]), steps=1, features=1)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    probability = GRID.astype(np.float32)
    answered, _ = session.run(None, {"windows": probability[:, None, None]})
    np.testing.assert_allclose(answered, MAPS[method].apply(probability), rtol=0, atol=2e-6)
    assert answered.min() >= 0.0
    assert answered.max() <= 1.0
