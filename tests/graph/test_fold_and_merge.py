"""Folding and merging change how a graph is written, and nothing that it answers."""

import signal

import numpy as np
import onnx
import pytest
from graph_models import CASES, LARGE, exported, operators, random_windows
from onnx import TensorProto, helper, numpy_helper

from ordinis_mlflow.graph.fold import fold_constants
from ordinis_mlflow.graph.merge import merge_products
from ordinis_mlflow.graph.runtime import onnxruntime
from ordinis_mlflow.graph.session import GraphSession, SessionSettings
from ordinis_mlflow.signal import largest_difference

CPU = SessionSettings(provider="cpu", threads=1)


def lstm_weights(model):
    names = {each.name for each in model.graph.initializer}
    nodes = [node for node in model.graph.node if node.op_type == "LSTM"]
    return [name in names for node in nodes for name in node.input[1:4]]


def test_folding_makes_lstm_weights_constants():
    made = exported(LARGE)
    assert not all(lstm_weights(made.unfolded))
    assert lstm_weights(made.unmerged) == lstm_weights(made.graph) == [True] * 6
    assert len(made.unmerged.graph.node) < len(made.unfolded.graph.node)


def test_folding_twice_changes_nothing_more():
    once = exported(LARGE).unmerged
    assert operators(fold_constants(once)) == operators(once)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_merging_leaves_answers_and_saves_products(case):
    made = exported(case)
    before, after = operators(made.unmerged)["MatMul"], operators(made.graph)["MatMul"]
    assert after < before
    bars = random_windows(9)
    answers = [
        GraphSession(model.SerializeToString(), CPU).run(bars)
        for model in (made.unmerged, made.graph)
    ]
    assert largest_difference(*answers) <= 1e-6


def test_merging_does_not_change_its_argument():
    model = exported(LARGE).unmerged
    before = model.SerializeToString(deterministic=True)
    merge_products(model)
    assert model.SerializeToString(deterministic=True) == before


MATRICES = {
    "A": np.array([[1.0, 2.0], [3.0, 5.0]]),
    "B": np.array([[0.5, -1.0], [2.0, 0.25]]),
}


def products(*triples):
    """A graph of MatMuls (left, matrix, output) over inputs x and y; every output is returned."""
    nodes = [
        helper.make_node("MatMul", [left, matrix], [out], name=f"make_{out}")
        for left, matrix, out in triples
    ]
    values = [
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["windows", 2])
        for name in ("x", "y", *(out for *_, out in triples))
    ]
    graph = helper.make_graph(
        nodes,
        "products",
        values[:2],
        values[2:],
        [numpy_helper.from_array(matrix, name) for name, matrix in MATRICES.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def answers(model):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    rng = np.random.default_rng(0)
    feed = {name: rng.normal(size=(3, 2)) for name in ("x", "y")}
    names = [each.name for each in model.graph.output]
    return dict(zip(names, session.run(names, feed), strict=True))


def assert_same_answers(model, merged):
    left, right = answers(model), answers(merged)
    assert left.keys() == right.keys()
    for name in left:
        np.testing.assert_allclose(right[name], left[name], rtol=1e-14, atol=0)


@pytest.fixture
def limited():
    """A merge that never ends fails after three seconds."""

    def stop(number, frame):
        raise TimeoutError("merge_products did not end")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(3)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize(
    ("triples", "left"),
    [
        ([("x", "A", "a")], 1),
        ([("x", "A", "a"), ("y", "B", "b")], 2),
        ([("x", "A", "a"), ("y", "A", "b")], 1),
        ([("x", "A", "a"), ("y", "A", "b"), ("x", "B", "c"), ("y", "B", "d")], 2),
        # A product of a product: the second reads what the first has made.
        ([("x", "A", "a"), ("a", "A", "b")], 2),
        ([("x", "A", "a"), ("a", "A", "b"), ("y", "A", "c")], 2),
        ([("x", "A", "a"), ("a", "B", "b"), ("b", "A", "c")], 3),
    ],
)
def test_products_are_merged_where_none_reads_another(triples, left):
    model = products(*triples)
    merged = merge_products(model)
    assert operators(merged)["MatMul"] == left
    assert_same_answers(model, merged)


@pytest.mark.usefixtures("limited")
def test_two_groups_that_read_each_other_are_not_both_merged():
    # (x·A)·B beside (x·B)·A: either pair may be merged, but both would wait for each other.
    model = products(("x", "A", "a"), ("a", "B", "ab"), ("x", "B", "b"), ("b", "A", "ba"))
    assert_same_answers(model, merge_products(model))


def test_order_of_nodes_is_valid():
    model = exported(LARGE).graph
    known = {each.name for each in [*model.graph.initializer, *model.graph.input]} | {""}
    for node in model.graph.node:
        assert known.issuperset(node.input), node.name
        known.update(node.output)
    onnx.checker.check_model(model)
