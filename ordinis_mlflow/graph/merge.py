"""Merging: products with the same constant matrix become one.

Seven features ask for a mean over 20 bars, and each asks with the same banded matrix. One product
of all their rows reads the matrix once, and saves a served window about a tenth of its time.
"""

from collections import defaultdict

import onnx


def merge_products(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace MatMuls of (windows, n) by one constant with Concat, one MatMul and Split.

    Rows of different products never meet: they are stacked along the first axis and split again.
    """
    merged = onnx.ModelProto()
    merged.CopyFrom(model)
    nodes = merged.graph.node
    # One group at a time: a merge may make members of another group depend on each other.
    while group := _next_group(merged.graph):
        for node in group:
            nodes.remove(node)
        nodes.extend(_one_product(group[0].input[1], group))
        _sort(merged.graph)
    onnx.checker.check_model(merged)
    return merged


def _next_group(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """MatMuls by one constant of which none reads what another has made; empty if none."""
    constants = {each.name for each in graph.initializer}
    ancestry = _ancestry(list(graph.node))
    groups: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.node:
        if node.op_type != "MatMul" or node.input[1] not in constants:
            continue
        group = groups[node.input[1]]
        if not any(ancestry[node.input[0]] & set(other.output) for other in group):
            group.append(node)
    return next((group for group in groups.values() if len(group) > 1), [])


def _ancestry(nodes: list[onnx.NodeProto]) -> dict[str, set[str]]:
    """For each value, itself and every value that it is computed from."""
    ancestry: dict[str, set[str]] = defaultdict(set)
    for node in nodes:
        above = set().union(*(ancestry[name] | {name} for name in node.input))
        for name in node.output:
            ancestry[name] = above | {name}
    return ancestry


def _one_product(matrix: str, group: list[onnx.NodeProto]) -> list[onnx.NodeProto]:
    first = group[0].output[0]
    stacked, product = f"{first}_stacked", f"{first}_product"
    lefts = [node.input[0] for node in group]
    outputs = [node.output[0] for node in group]
    make = onnx.helper.make_node
    return [
        make("Concat", lefts, [stacked], axis=0),
        make("MatMul", [stacked, matrix], [product]),
        make("Split", [product], outputs, axis=0, num_outputs=len(group)),
    ]


def _sort(graph: onnx.GraphProto) -> None:
    """Order the nodes so that each comes after what it reads."""
    known = {each.name for each in [*graph.initializer, *graph.input]} | {""}
    waiting = list(graph.node)
    ordered: list[onnx.NodeProto] = []
    while waiting:
        ready = [node for node in waiting if known.issuperset(node.input)]
        ordered += ready
        known.update(name for node in ready for name in node.output)
        waiting = [node for node in waiting if node not in ready]
    del graph.node[:]
    graph.node.extend(ordered)
