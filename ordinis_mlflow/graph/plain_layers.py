"""Plain layers: recurrent layers without what the exporter puts around each of them.

Every layer starts from zeros that are made anew for each run, which is what the operator does
without them; and a dozen nodes compute shapes to drop an axis of length one. They answer nothing,
and take 20 to 30 µs of a run: a tenth of a single window's.
"""

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import numpy_helper

RECURRENT = ("LSTM", "GRU", "RNN")
INITIAL = 5
"""First of a layer's inputs that are states to start from; none of the others is ever zero."""
SPREADING = ("Expand", "Slice", "Split")
TIME_FIRST = [0, 2, 1, 3]
"""Of (steps, directions, windows, hidden): the exporter puts windows before directions."""
DIRECTIONS = "directions_axis"


def plain_layers(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with recurrent layers of one direction one after the other.

    What does not look as the exporter makes it stays as it is.
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    layers = [node for node in graph.node if node.op_type in RECURRENT and _one_direction(node)]
    for layer in layers:
        _start_from_zeros(graph, layer)
        for reshape in list(_without_directions(graph, layer.output[0])):
            _squeeze(graph, reshape, layer.output[0])
    if any(DIRECTIONS in node.input for node in graph.node):
        graph.initializer.append(numpy_helper.from_array(np.array([1]), DIRECTIONS))
    _drop_unread(graph)
    onnx.checker.check_model(made)
    return made


def _one_direction(layer: onnx.NodeProto) -> bool:
    return not any(each.name == "direction" and each.s != b"forward" for each in layer.attribute)


def _start_from_zeros(graph: onnx.GraphProto, layer: onnx.NodeProto) -> None:
    if all(_is_zero(graph, name) for name in layer.input[INITIAL:]):
        del layer.input[INITIAL:]


def _is_zero(graph: onnx.GraphProto, name: str) -> bool:
    """Whether a value is a zero, spread and cut."""
    makers = {output: node for node in graph.node for output in node.output}
    while name in makers and makers[name].op_type in SPREADING:
        name = makers[name].input[0]
    constants = {each.name: each for each in graph.initializer}
    return name in constants and not numpy_helper.to_array(constants[name]).any()


def _without_directions(graph: onnx.GraphProto, output: str) -> Iterator[onnx.NodeProto]:
    """Reshapes of (steps, directions, windows, hidden) to (steps, windows, hidden)."""
    for transpose in _readers(graph, output, "Transpose"):
        (order,) = (list(each.ints) for each in transpose.attribute if each.name == "perm")
        if order == TIME_FIRST:
            yield from _readers(graph, transpose.output[0], "Reshape")


def _readers(graph: onnx.GraphProto, name: str, kind: str) -> list[onnx.NodeProto]:
    return [node for node in graph.node if node.op_type == kind and node.input[0] == name]


def _squeeze(graph: onnx.GraphProto, reshape: onnx.NodeProto, output: str) -> None:
    """In the place of a reshape."""
    place = list(graph.node).index(reshape)
    squeeze = onnx.helper.make_node("Squeeze", [output, DIRECTIONS], list(reshape.output))
    graph.node.remove(reshape)
    graph.node.insert(place, squeeze)


def _drop_unread(graph: onnx.GraphProto) -> None:
    """Nodes that nothing reads, and constants of theirs."""
    asked = {each.name for each in graph.output}
    for node in reversed(list(graph.node)):
        if asked.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            asked.update(node.input)
    for constant in list(graph.initializer):
        if constant.name not in asked:
            graph.initializer.remove(constant)
