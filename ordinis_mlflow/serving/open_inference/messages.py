"""Messages of the protocol, as types; fields and their order are the specification's."""

from typing import Any

import msgspec

Parameters = dict[str, Any]


class InputTensor(msgspec.Struct):
    """A tensor of a request; its numbers are in ``data``, or behind the JSON in binary form."""

    name: str
    shape: list[int]
    datatype: str
    parameters: Parameters = {}
    data: list[Any] | msgspec.UnsetType = msgspec.UNSET


class WantedOutput(msgspec.Struct):
    """An output that a request asks for; all are given where none is named."""

    name: str
    parameters: Parameters = {}


class InferRequest(msgspec.Struct):
    """What ``infer`` takes."""

    inputs: list[InputTensor]
    id: str = ""
    parameters: Parameters = {}
    outputs: list[WantedOutput] = []


class OutputTensor(msgspec.Struct, omit_defaults=True):
    """A tensor of an answer; ``data`` is row by row, or follows the JSON in binary form."""

    name: str
    shape: list[int]
    datatype: str
    parameters: Parameters = {}
    data: list[float | int] | msgspec.UnsetType = msgspec.UNSET


class InferAnswer(msgspec.Struct):
    """What ``infer`` answers."""

    model_name: str
    model_version: str
    id: str
    outputs: list[OutputTensor]


class ServerMetadata(msgspec.Struct, frozen=True):
    """Of the server."""

    name: str
    version: str
    extensions: list[str]


class Live(msgspec.Struct, frozen=True):
    """Whether the process answers."""

    live: bool = True


class Ready(msgspec.Struct, frozen=True):
    """Whether it can infer."""

    ready: bool = True


class TensorMetadata(msgspec.Struct, frozen=True):
    """Of an input or an output; -1 stands for any number."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(msgspec.Struct, frozen=True):
    """Of a model."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]
