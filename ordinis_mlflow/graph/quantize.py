"""Smaller numbers: INT8 and FP16 variants of a graph, of the network's nodes only.

Features stay in double precision and the signal in float32: what is cut is the weights.
"""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from ordinis_mlflow.errors import QuantizationError
from ordinis_mlflow.graph.session import INPUT

RECURRENT = ("LSTM", "GRU", "RNN")
DYNAMIC = ("LSTM", "MatMul", "Gemm")
STATIC = ("MatMul", "Gemm", "Conv")
LEAST_WEIGHTS = 1024
"""Nodes with fewer weights stay float32: the head's few numbers cost accuracy and save nothing."""


def network_nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The nodes that carry float32 weights worth shrinking."""
    weights = {
        each.name: int(np.prod(each.dims))
        for each in model.graph.initializer
        if each.data_type == onnx.TensorProto.FLOAT
    }
    return [
        node
        for node in model.graph.node
        if node.op_type in (*RECURRENT, *DYNAMIC, *STATIC)
        and sum(weights.get(name, 0) for name in node.input) >= LEAST_WEIGHTS
    ]


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
            nodes_to_quantize=[node.name for node in nodes],
            weight_type=QuantType.QInt8,
        )
        quantized = onnx.load(path)
    return _checked(quantized, nodes)


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
            nodes_to_quantize=[node.name for node in nodes],
        )
        return _checked(onnx.load(path), nodes)


def convert_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """The network's nodes in FP16, for GPUs.

    Raises:
        QuantizationError: nothing was converted.
    """
    from onnxruntime.transformers.float16 import convert_float_to_float16

    nodes = {node.name for node in network_nodes(model)}
    others = [node.name for node in model.graph.node if node.name not in nodes]
    with _quiet():
        converted = convert_float_to_float16(
            _copy(model), keep_io_types=True, node_block_list=others, op_block_list=[]
        )
    return _checked(converted, network_nodes(model))


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


def _checked(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> onnx.ModelProto:
    left = {node.name for node in network_nodes(model)}
    missed = sorted(node.name for node in nodes if node.name in left)
    if missed or not nodes:
        raise QuantizationError(
            f"of {len(nodes)} nodes with weights, these stayed in float32: {missed}; "
            "their weights must be constants of the graph (fold constants first)"
        )
    return model


class _quiet:  # noqa: N801
    """ONNX Runtime's quantiser advises on the root logger; its advice does not apply here."""

    def __enter__(self) -> None:
        logging.disable(logging.WARNING)

    def __exit__(self, *_: object) -> None:
        logging.disable(logging.NOTSET)
