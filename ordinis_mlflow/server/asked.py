"""What a request asks for, read as MLflow's parsers read it, and how it is refused."""

import json
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ordinis_mlflow.server.routes import Change


class Refused(Exception):
    """The request is not let through; the text is the client's answer.

    Attributes:
        code: MLflow's name of the error.
    """

    def __init__(self, text: str, code: str = "PERMISSION_DENIED") -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Asked:
    """A change with what its request says of it.

    Attributes:
        change: what it would do.
        query: the query string's names and values.
        body: of the request, for kinds that are read whole; else empty.
    """

    change: Change
    query: Mapping[str, Sequence[str]]
    body: bytes = b""

    def said(self, *names: str) -> list[str]:
        """Every text that the JSON body gives under one of these names, in snake or camel case.

        Raises:
            Refused: a value that is no text, where MLflow's parsers might still see one.
        """
        return [value for name in names for value in texts(json_object(self.body), name)]


def query_of(raw: bytes) -> dict[str, list[str]]:
    """The query string's names and values; blank values too."""
    return urllib.parse.parse_qs(raw.decode("latin-1"), keep_blank_values=True)


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body as MLflow reads it; old clients encode it twice."""
    try:
        read = json.loads(body or b"{}")
        read = json.loads(read) if isinstance(read, str) else read
    except (ValueError, RecursionError):
        return {}  # MLflow reads nothing from it either, and says so
    return read if isinstance(read, dict) else {}


def texts(read: Any, name: str) -> list[str]:
    """The texts that an object gives under a name, in snake or camel case.

    Raises:
        Refused: a value that is no text.
    """
    head, *rest = name.split("_")
    camel = head + "".join(part.title() for part in rest)
    values = [read[key] for key in dict.fromkeys((name, camel)) if key in read]
    if any(not isinstance(value, str | int | None) for value in values):
        raise Refused(f"{name} has to be a text", "INVALID_PARAMETER_VALUE")
    return [str(value) for value in values if value is not None]
