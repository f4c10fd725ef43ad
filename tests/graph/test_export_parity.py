"""The exported graph is the torch module, and the torch module is the NumPy features."""

import numpy as np
import onnx
import pytest
from graph_models import CASES, LARGE, LOOKBACK, SMALL, constants, exported, random_windows

from ordinis_mlflow.graph.agreement import PARITY_LIMIT, parity
from ordinis_mlflow.graph.export import export_network, history_signal, torch_signal
from ordinis_mlflow.graph.runtime import onnxruntime
from ordinis_mlflow.graph.session import GraphSession, SessionSettings
from ordinis_mlflow.network import LSTMConfig, SignalLSTM
from ordinis_mlflow.signal import Signal, largest_difference

CPU = SessionSettings(provider="cpu", threads=1)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_graph_equals_torch_and_numpy(case):
    made = exported(case)
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
            assert verdict.limit == PARITY_LIMIT == 1e-5
            sure = np.abs(reference.strength - 0.02) > 1e-4  # away from the band's edge
            np.testing.assert_array_equal(answered.direction[sure], reference.direction[sure])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_answers_have_the_types_of_signal(case):
    session = GraphSession(exported(case).graph.SerializeToString(), CPU)
    answered = session.run(random_windows(3))
    kinds = {name: values.dtype for name, values in answered.columns()}
    floats = dict.fromkeys(("mean", "scale", "probability_up", "strength"), np.float32)
    assert kinds == {**floats, "direction": np.int64}
    assert all(len(values) == 3 for _, values in answered.columns())
    assert (answered.scale > 0).all()


def test_answers_differ_between_windows():
    session = GraphSession(exported(LARGE).graph.SerializeToString(), CPU)
    assert len(np.unique(session.run(random_windows(32)).mean)) == 32


def test_graph_has_one_input_and_the_scaler_as_output():
    graph = exported(SMALL).graph.graph
    assert [each.name for each in graph.input] == ["bars"]
    windows, bars, columns = graph.input[0].type.tensor_type.shape.dim
    assert windows.dim_param
    assert (bars.dim_value, columns.dim_value) == (LOOKBACK, 5)
    assert [each.name for each in graph.output] == [
        *Signal.names(), "scaler_center", "scaler_scale",
    ]  # fmt: skip


def test_graph_needs_only_standard_operators():
    model = exported(LARGE).graph
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}
    onnx.checker.check_model(model, full_check=True)


def test_features_stay_in_double_precision():
    model = exported(SMALL).graph
    doubles = constants(model, onnx.TensorProto.DOUBLE)
    assert {"scaler_center", "scaler_scale"} <= doubles.keys()
    assert sum(value.nbytes for value in doubles.values()) > 8 * 13


def test_largest_difference_of_other_weights_is_seen():
    made, other = exported(SMALL), exported(LARGE)
    bars = random_windows(4)
    gap = largest_difference(torch_signal(made.module, bars), torch_signal(other.module, bars))
    assert gap > 1e-2


def test_bare_network_is_exported_too():
    network = SignalLSTM(3, LSTMConfig(hidden_dim=4, num_layers=1, sequence_length=5))
    model = export_network(network, steps=5, features=3)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    location, scale = session.run(None, {"windows": np.ones((3, 5, 3), np.float32)})
    assert location.shape == scale.shape == (3,)
    assert [each.name for each in session.get_outputs()] == ["location", "scale"]
