"""Smaller numbers: INT8 and FP16 variants of a graph, of the network's nodes only.

Features stay in double precision and the signal in float32: what is cut is the weights.
"""

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from ordinis_mlflow.errors import QuantizationError
from ordinis_mlflow.graph.plain_layers import RECURRENT
from ordinis_mlflow.graph.session import INPUT

DYNAMIC = ("LSTM", "MatMul", "Gemm")
STATIC = ("MatMul", "Gemm", "Conv")
LEAST_WEIGHTS = 1024
"""Nodes with fewer weights stay float32: the head's few numbers cost accuracy and save nothing."""
SEVEN_BITS = True
"""Weights of eight bits overflow the sums of processors without VNNI, which then answer nonsense: a
graph answers the same on every machine, at the cost of one bit."""

WEIGHT_INPUTS = {**dict.fromkeys(RECURRENT, (1, 2)), **dict.fromkeys(STATIC, (1,))}
"""Which inputs of an operator are its weights."""


def network_nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The nodes that carry float32 weights worth shrinking."""
    return [
        node
        for node in model.graph.node
        if sum(_float_weights(model, node).values()) >= LEAST_WEIGHTS
    ]


def _float_weights(model: onnx.ModelProto, node: onnx.NodeProto) -> dict[str, int]:
    """Name and number of elements of the node's weights that are float32 constants."""
    names = {node.input[i] for i in WEIGHT_INPUTS.get(node.op_type, ()) if i < len(node.input)}
    return {
        each.name: int(np.prod(each.dims))
        for each in model.graph.initializer
        if each.name in names and each.data_type == onnx.TensorProto.FLOAT
    }


def network_bytes(model: onnx.ModelProto) -> int:
    """Bytes of the network's constants in the file; the features' are in double precision."""
    kinds = (
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.FLOAT16,
        onnx.TensorProto.INT8,
        onnx.TensorProto.UINT8,
    )
    constants = (each for each in model.graph.initializer if each.data_type in kinds)
    return sum(numpy_helper.to_array(each).nbytes for each in constants)


def quantize_dynamic(model: onnx.ModelProto) -> onnx.ModelProto:
    """Weights in INT8, activations quantised as they come.

    Raises:
        QuantizationError: a node that should be quantised is still in float32 afterwards; ONNX
            Runtime passes over weights that are computed from other constants without a word.
    """
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization import quantize_dynamic as quantize

    nodes = [node for node in network_nodes(model) if node.op_type in DYNAMIC]
    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "int8.onnx"
        quantize(
            _copy(model),
            path,
            op_types_to_quantize=list(DYNAMIC),
            nodes_to_quantize=_names(nodes),
            weight_type=QuantType.QInt8,
            reduce_range=SEVEN_BITS,
        )
        quantized = onnx.load(path)
    return _checked(quantized, model, nodes)


def quantize_static(
    model: onnx.ModelProto, calibration: npt.NDArray[np.float64]
) -> onnx.ModelProto:
    """Weights and activations in INT8, with ranges measured on calibration windows.

    Args:
        model: a signal graph whose network has no recurrent operator.
        calibration: shape (windows, lookback, 5), training bars.

    Raises:
        QuantizationError: the network has an operator that ONNX Runtime cannot quantise statically,
            or a node stayed in float32.
    """
    from onnxruntime.quantization import QuantFormat
    from onnxruntime.quantization import quantize_static as quantize

    nodes = network_nodes(model)
    recurrent = sorted({node.op_type for node in nodes} & set(RECURRENT))
    if recurrent:
        raise QuantizationError(
            f"static quantisation has no {', '.join(recurrent)} in ONNX Runtime (it has "
            f"{', '.join(STATIC)}); use dynamic quantisation for this network"
        )
    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "int8.onnx"
        quantize(
            _copy(model),
            path,
            _Windows(calibration),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(STATIC),
            nodes_to_quantize=_names(nodes),
            reduce_range=SEVEN_BITS,
        )
        return _checked(onnx.load(path), model, nodes)


def convert_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """The network's nodes in FP16, for GPUs.

    Raises:
        QuantizationError: nothing was converted.
    """
    from onnxruntime.transformers.float16 import convert_float_to_float16

    nodes = network_nodes(model)
    names = {node.name for node in nodes}
    others = [node.name for node in model.graph.node if node.name not in names]
    with _quiet():
        converted = convert_float_to_float16(
            _copy(model), keep_io_types=True, node_block_list=others, op_block_list=[]
        )
    return _checked(converted, model, nodes)


class _Windows:
    """Calibration windows, one at a time, as ONNX Runtime reads them."""

    def __init__(self, windows: npt.NDArray[np.float64]) -> None:
        self._windows: Iterator[npt.NDArray[np.float64]] = iter(windows)

    def get_next(self) -> dict[str, npt.NDArray[np.float64]] | None:
        window = next(self._windows, None)
        return None if window is None else {INPUT: window[None]}


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    return copied


def _names(nodes: list[onnx.NodeProto]) -> list[str]:
    """Names to quantise; ONNX Runtime first turns a Gemm into a MatMul under another name."""
    return [name for node in nodes for name in (node.name, f"{node.name}_MatMul")]


def _checked(
    small: onnx.ModelProto, original: onnx.ModelProto, nodes: list[onnx.NodeProto]
) -> onnx.ModelProto:
    """The smaller model, if none of the weights that should have shrunk is left in float32."""
    wanted = {name for node in nodes for name in _float_weights(original, node)}
    floats = onnx.TensorProto.FLOAT
    left = {each.name for each in small.graph.initializer if each.data_type == floats}
    if not nodes:
        raise QuantizationError(
            f"no node has {LEAST_WEIGHTS} weights that are constants of the graph: the network is "
            "too small to gain, or constants must be folded first"
        )
    if wanted & left:
        raise QuantizationError(
            f"these weights stayed in float32: {sorted(wanted & left)}; fold constants first, so "
            "that every weight is a constant of the graph"
        )
    return small


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """ONNX Runtime's quantiser advises on the root logger; its advice does not apply here."""
    previous = logging.root.manager.disable
    logging.disable(max(previous, logging.WARNING))
    try:
        yield
    finally:
        logging.disable(previous)
