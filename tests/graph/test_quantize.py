"""Smaller variants: really smaller, of the network alone, or refused."""

import logging

import numpy as np
import onnx
import pytest
from graph_models import LARGE, MLP, SMALL, constants, exported, operators, random_windows

from ordinis_mlflow.errors import OrdinisError, QuantizationError
from ordinis_mlflow.graph.agreement import agreement
from ordinis_mlflow.graph.quantize import (
    convert_fp16,
    network_bytes,
    network_nodes,
    quantize_dynamic,
    quantize_static,
)
from ordinis_mlflow.graph.session import GraphSession, SessionSettings
from ordinis_mlflow.signal import largest_difference

CPU = SessionSettings(provider="cpu", threads=1)
FLOAT, DOUBLE, FLOAT16 = (
    onnx.TensorProto.FLOAT,
    onnx.TensorProto.DOUBLE,
    onnx.TensorProto.FLOAT16,
)


def run(model, bars):
    return GraphSession(model.SerializeToString(), CPU).run(bars)


def assert_same_features(model, original):
    """Double-precision constants and every operator but the network's are as they were."""
    before, after = constants(original, DOUBLE), constants(model, DOUBLE)
    assert before.keys() == after.keys()
    for name in before:
        np.testing.assert_array_equal(after[name], before[name])
    network = {node.name for node in network_nodes(original)}
    # ONNX Runtime's quantiser writes the head's Gemm as MatMul and Add, in float32 as before.
    network |= {node.name for node in original.graph.node if node.op_type == "Gemm"}
    rest = [(n.op_type, n.name) for n in original.graph.node if n.name not in network]
    assert set(rest) <= {(n.op_type, n.name) for n in model.graph.node}


@pytest.fixture(scope="module")
def int8():
    return quantize_dynamic(exported(LARGE).graph)


def test_only_nodes_with_weights_count_as_network():
    assert [node.op_type for node in network_nodes(exported(LARGE).graph)] == ["LSTM", "LSTM"]
    assert {node.op_type for node in network_nodes(exported(MLP).graph)} <= {"MatMul", "Gemm"}
    assert len(network_nodes(exported(MLP).graph)) == 2  # the head has few weights


def test_dynamic_quantisation_quantises(int8):
    original = exported(LARGE).graph
    counts = operators(int8)
    assert counts["DynamicQuantizeLSTM"] == 2
    assert "LSTM" not in counts
    assert network_bytes(original) >= 3 * network_bytes(int8)
    assert len(int8.SerializeToString()) < len(original.SerializeToString())
    assert_same_features(int8, original)


def test_int8_answers_nearly_the_same(int8):
    bars = random_windows(200)
    reference = run(exported(LARGE).graph, bars)
    gap = largest_difference(run(int8, bars), reference)
    assert 0 < gap < 0.1
    correlation, _ = agreement("int8", run(int8, bars), reference)
    assert correlation.observed > 0.99, correlation


def test_int8_graph_still_tells_its_scaler(int8):
    module = exported(LARGE).module
    center, scale = GraphSession(int8.SerializeToString(), CPU).scaler_constants(module.lookback)
    np.testing.assert_array_equal(center, module.scaler_center.numpy())
    np.testing.assert_array_equal(scale, module.scaler_scale.numpy())


def test_arguments_are_not_changed():
    for case, make in (
        (LARGE, quantize_dynamic),
        (LARGE, convert_fp16),
        (MLP, lambda model: quantize_static(model, random_windows(4))),
    ):
        model = exported(case).graph
        before = model.SerializeToString(deterministic=True)
        make(model)
        assert model.SerializeToString(deterministic=True) == before


def test_unfolded_graph_is_refused():
    with pytest.raises(QuantizationError, match="fold constants first") as caught:
        quantize_dynamic(exported(LARGE).unfolded)
    assert isinstance(caught.value, OrdinisError)
    assert isinstance(caught.value, RuntimeError)


@pytest.mark.parametrize("make", [quantize_dynamic, convert_fp16])
def test_graph_without_weights_worth_it_is_refused(make):
    with pytest.raises(QuantizationError, match="no node has 1024 weights"):
        make(exported(SMALL).graph)


def test_static_quantisation_refuses_an_lstm():
    with pytest.raises(
        QuantizationError,
        match=r"static quantisation has no LSTM in ONNX Runtime \(it has MatMul, Gemm, Conv\); "
        "use dynamic quantisation for this network",
    ):
        quantize_static(exported(LARGE).graph, random_windows(2))


@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_perceptron_is_quantised(kind):
    original = exported(MLP).graph
    if kind == "static":
        made = quantize_static(original, random_windows(64, seed=5))
        assert operators(made)["QuantizeLinear"] > 0
    else:
        made = quantize_dynamic(original)
        assert operators(made).get("MatMulInteger") == 2
    assert network_bytes(original) >= 2 * network_bytes(made)
    bars = random_windows(200, seed=6)
    reference, answered = run(original, bars), run(made, bars)
    correlation, flips = agreement(kind, answered, reference)
    assert correlation.observed > 0.95, correlation
    assert flips.observed < 0.05, flips
    before, after = constants(original, DOUBLE), constants(made, DOUBLE)
    assert before.keys() == after.keys()


def test_fp16_converts_the_network_alone():
    original = exported(LARGE).graph
    half = convert_fp16(original)
    assert network_bytes(half) < 0.6 * network_bytes(original)
    assert constants(half, FLOAT16)
    assert_same_features(half, original)
    assert [each.type for each in half.graph.output] == [
        each.type for each in original.graph.output
    ]
    bars = random_windows(64)
    assert 0 < largest_difference(run(half, bars), run(original, bars)) < 2e-2


def test_quantiser_leaves_logging_as_it_was(caplog):
    quantize_dynamic(exported(LARGE).graph)
    assert logging.root.manager.disable == logging.NOTSET
    logging.getLogger("after").warning("heard")
    assert "heard" in caplog.text


def test_logging_that_the_caller_disabled_stays_disabled():
    logging.disable(logging.ERROR)
    try:
        quantize_dynamic(exported(LARGE).graph)
        assert logging.root.manager.disable == logging.ERROR
    finally:
        logging.disable(logging.NOTSET)
