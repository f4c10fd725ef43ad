"""Tensors: windows of a request and signals of an answer, in JSON or as they lie in memory."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ordinis_mlflow.bars import COLUMNS
from ordinis_mlflow.errors import RequestRefused
from ordinis_mlflow.flavor import SignalModel
from ordinis_mlflow.flavor.model import Windows
from ordinis_mlflow.graph.session import INPUT
from ordinis_mlflow.serving.open_inference.messages import (
    InferRequest,
    InputTensor,
    OutputTensor,
    TensorMetadata,
)
from ordinis_mlflow.serving.strict_json import decode, decoder
from ordinis_mlflow.signal import Signal

NUMBERS: Mapping[str, np.dtype[Any]] = {"FP64": np.dtype("<f8"), "FP32": np.dtype("<f4")}
"""Data types that an input may have; the graph computes features in double precision."""
BINARY_SIZE = "binary_data_size"
WHOLE = {"FP64": "<f8", "FP32": "<f4", "INT64": "<i8"}

_REQUEST = decoder(InferRequest)


def read_request(body: bytes, header_length: bytes | None) -> tuple[InferRequest, bytes]:
    """The JSON part of a body, and what follows it.

    Args:
        body: whole.
        header_length: ``Inference-Header-Content-Length``, bytes of the JSON part; None for all.

    Raises:
        RequestRefused: it is not such a request.
    """
    if header_length is None:
        return decode(body, _REQUEST), b""
    if not header_length.isdigit() or int(header_length[:12]) > len(body):
        raise _refused(
            f"Inference-Header-Content-Length must be a number of bytes of the body's {len(body)}"
        )
    end = int(header_length)
    return decode(body[:end], _REQUEST), body[end:]


def windows_of(request: InferRequest, binary: bytes, model: SignalModel) -> Windows:
    """The windows that a request asks about, checked; shape (n, lookback, 5).

    Raises:
        RequestRefused: another input, type or shape than the model's, or numbers are missing.
        InvalidWindows: a bar breaks a rule.
    """
    names = [each.name for each in request.inputs]
    if names != [INPUT]:
        raise _refused(f"the model has one input, {INPUT}, the request has {names[:5]}")
    tensor = request.inputs[0]
    if tensor.datatype not in NUMBERS:
        raise _refused(f"datatype of {INPUT} must be FP64 or FP32, got {tensor.datatype}")
    shape = tensor.shape
    expected = [model.contract.lookback, len(COLUMNS)]
    if len(shape) != 3 or shape[0] < 1 or shape[1:] != expected:
        raise _refused(f"shape of {INPUT} must be [n, {expected[0]}, {expected[1]}], got {shape}")
    return model.checked(_numbers(tensor, binary).reshape(shape))


def _numbers(tensor: InputTensor, binary: bytes) -> npt.NDArray[np.float64]:
    size = int(np.prod([float(side) for side in tensor.shape]))
    if isinstance(tensor.data, msgspec.UnsetType):
        return _in_memory(tensor, binary, size)
    if binary:
        raise _refused(f"{len(binary)} bytes follow the JSON, but {tensor.name} has data in it")
    numbers = _flat(tensor.data)
    if len(numbers) != size:
        raise _refused(f"{tensor.name} has {len(numbers)} numbers, its shape asks for {size}")
    return numbers


def _in_memory(tensor: InputTensor, binary: bytes, size: int) -> npt.NDArray[np.float64]:
    kind = NUMBERS[tensor.datatype]
    stated = tensor.parameters.get(BINARY_SIZE)
    if stated != len(binary) or len(binary) != size * kind.itemsize:
        raise _refused(
            f"{tensor.name} has no data, {BINARY_SIZE} is {stated!r:.20} and {len(binary)} bytes "
            f"follow the JSON; its shape asks for {size * kind.itemsize}"
        )
    return np.frombuffer(binary, kind).astype(np.float64)


def _flat(data: list[Any]) -> npt.NDArray[np.float64]:
    """Numbers row by row; they may be nested by rows and windows, as the protocol allows."""
    for _ in range(2):
        if data and all(type(each) is list for each in data):
            data = [number for row in data for number in row]
    if not all(type(each) in (float, int) for each in data):
        raise _refused("data must be numbers, flat or nested as the shape is")
    try:
        return np.array(data, dtype=np.float64)
    except (OverflowError, ValueError) as error:
        raise _refused(f"data has a number that is none of float64: {error}") from None


def outputs_of(signal: Signal, request: InferRequest) -> tuple[list[OutputTensor], list[bytes]]:
    """The tensors of an answer, and the bytes that follow its JSON.

    Raises:
        RequestRefused: the request asks for an output that the model does not have.
    """
    all_binary = request.parameters.get("binary_data_output") is True
    wanted = {
        each.name: each.parameters.get("binary_data", all_binary) is True
        for each in request.outputs
    } or dict.fromkeys(Signal.names(), all_binary)
    if not wanted.keys() <= set(Signal.names()):
        raise _refused(f"outputs are {list(Signal.names())}, asked for {list(wanted)[:10]}")
    tensors, behind = [], []
    for name, binary in wanted.items():
        values = getattr(signal, name)
        tensor = OutputTensor(name, [len(values)], datatype(values))
        if binary:
            behind.append(values.astype(WHOLE[tensor.datatype]).tobytes())
            tensor.parameters = {BINARY_SIZE: len(behind[-1])}
        else:
            tensor.data = values.tolist()
        tensors.append(tensor)
    return tensors, behind


def datatype(values: npt.NDArray[np.generic]) -> str:
    """The protocol's name of an array's type."""
    return {"f": "FP", "i": "INT"}[values.dtype.kind] + str(8 * values.dtype.itemsize)


def outputs_metadata(signal: Signal) -> Sequence[TensorMetadata]:
    """What the outputs are called, and their types."""
    return [TensorMetadata(name, datatype(values), [-1]) for name, values in signal.columns()]


def _refused(message: str) -> RequestRefused:
    return RequestRefused(400, "invalid_tensor", message)
