"""Described: what the OpenAPI document says of one method of a route."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Contents: TypeAlias = Mapping[str, tuple[Any, ...]]
"""Media type to the types that a body may be: of msgspec for JSON, ``BYTES`` or ``TEXT``."""


@dataclass(frozen=True)
class Raw:
    """A body that msgspec does not read or write, by its JSON Schema."""

    schema: Mapping[str, Any]


BYTES = Raw({"type": "string", "format": "binary"})
TEXT = Raw({"type": "string"})
ANY = Raw({})


@dataclass(frozen=True)
class Parameter:
    """A part of the path, or a header of a request.

    Attributes:
        name: as it is written.
        place: ``path`` or ``header``.
        text: what it does.
        schema: JSON Schema of its value.
    """

    name: str
    place: str
    text: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True)
class Described:
    """One method of a route.

    Attributes:
        text: what it does, in a line.
        answers: bodies of what is answered when all is well.
        takes: bodies of the request; none if empty.
        refusals: statuses of its own, besides those that every method may answer.
        parameters: of the path, and headers besides those that every method takes.
        headers: of that answer, besides those that every one has: name to what it says.
        status: of that answer.
    """

    text: str
    answers: Contents
    takes: Contents = field(default_factory=dict)
    refusals: tuple[int, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
