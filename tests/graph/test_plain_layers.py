"""Recurrent layers lose what the exporter puts around them, and answer the same to the last bit."""

import numpy as np
import onnx
import pytest
from graph_models import CASES, LARGE, MLP, exported, operators, random_windows
from onnx import TensorProto, helper, numpy_helper

from ordinis_mlflow.graph.fold import fold_constants
from ordinis_mlflow.graph.plain_layers import plain_layers
from ordinis_mlflow.graph.runtime import onnxruntime
from ordinis_mlflow.graph.session import GraphSession, SessionSettings

CPU = SessionSettings(provider="cpu", threads=1)
STEPS, SIZE, HIDDEN = 3, 2, 4


@pytest.mark.parametrize("case", CASES, ids=str)
def test_answers_are_equal_and_shapes_are_no_longer_computed(case):
    before = fold_constants(exported(case).unfolded)
    after = plain_layers(before)
    there, here = (
        GraphSession(model.SerializeToString(), CPU).run(random_windows(9))
        for model in (before, after)
    )
    for (_, left), (_, right) in zip(there.columns(), here.columns(), strict=True):
        np.testing.assert_array_equal(left, right)
    if case is not MLP:
        assert operators(before)["Shape"]
        assert not {"Shape", "Expand"} & set(operators(after))
        assert all(len(node.input) <= 5 for node in layers(after))


def test_what_is_exported_is_plain():
    assert not {"Shape", "Expand"} & set(operators(exported(LARGE).graph))


def test_a_graph_without_layers_stays_as_it_is():
    model = exported(MLP).graph
    assert plain_layers(model) == model


def test_its_argument_is_not_changed():
    model = fold_constants(exported(LARGE).unfolded)
    before = model.SerializeToString(deterministic=True)
    plain_layers(model)
    assert model.SerializeToString(deterministic=True) == before


def layers(model):
    return [node for node in model.graph.node if node.op_type in ("LSTM", "GRU", "RNN")]


def layer_of(kind="LSTM", direction="forward", state=0.0, order=(0, 2, 1, 3)):
    """One layer over windows as the exporter writes it; its states are spread from one number."""
    gates, both = {"LSTM": 4, "GRU": 3}[kind], 2 if direction == "bidirectional" else 1
    states = ["state"] * (2 if kind == "LSTM" else 1)
    rng = np.random.default_rng(3)
    shapes = {"w": (both, gates * HIDDEN, SIZE), "r": (both, gates * HIDDEN, HIDDEN)}
    weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    numbers = {
        "number": np.float32(state),
        "spread": np.array([both, 2, HIDDEN]),
        "flat": np.array([STEPS, 2, both * HIDDEN]),
    }
    nodes = [
        helper.make_node("Expand", ["number", "spread"], ["state"]),
        helper.make_node(
            kind, ["x", "w", "r", "", "", *states], ["y"], hidden_size=HIDDEN, direction=direction
        ),
        helper.make_node("Transpose", ["y"], ["turned"], perm=order),
        helper.make_node("Reshape", ["turned", "flat"], ["out"]),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "layer",
        [value("x", TensorProto.FLOAT, [STEPS, 2, SIZE])],
        [value("out", TensorProto.FLOAT, [STEPS, 2, both * HIDDEN])],
        [numpy_helper.from_array(each, name) for name, each in (weights | numbers).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@pytest.mark.parametrize(
    ("case", "left"),
    [
        ({}, {"LSTM": 1, "Squeeze": 1}),
        ({"kind": "GRU"}, {"GRU": 1, "Squeeze": 1}),
        ({"state": 0.5}, {"Expand": 1, "LSTM": 1, "Squeeze": 1}),
        ({"order": (1, 0, 2, 3)}, {"LSTM": 1, "Transpose": 1, "Reshape": 1}),
        ({"direction": "reverse"}, {"Expand": 1, "LSTM": 1, "Transpose": 1, "Reshape": 1}),
        ({"direction": "bidirectional"}, {"Expand": 1, "LSTM": 1, "Transpose": 1, "Reshape": 1}),
    ],
    ids=str,
)
def test_only_what_is_known_to_say_nothing_goes(case, left):
    model = layer_of(**case)
    plain = plain_layers(model)
    onnx.checker.check_model(plain, full_check=True)
    assert operators(plain) == left
    x = np.random.default_rng(0).normal(size=(STEPS, 2, SIZE)).astype(np.float32)
    there, here = (
        onnxruntime.InferenceSession(
            each.SerializeToString(), providers=["CPUExecutionProvider"]
        ).run(None, {"x": x})[0]
        for each in (model, plain)
    )
    np.testing.assert_array_equal(there, here)
