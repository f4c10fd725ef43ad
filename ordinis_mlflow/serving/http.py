"""Requests and answers, between ASGI and the handlers."""

import itertools
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"
REQUEST_ID = re.compile(rb"[!-~]{1,128}")
"""What a client may name a request: visible ASCII, as it is written into logs and headers."""

_PROCESS = secrets.token_hex(6)
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back.

    Attributes:
        body: whole.
        status: HTTP's.
        content_type: of the body.
        headers: besides content type and length.
    """

    body: bytes
    status: int = 200
    content_type: bytes = JSON
    headers: Headers = ()


class Request:
    """One request whose body has arrived.

    Attributes:
        method: upper case.
        path: without the query.
        headers: lower-case names; of a repeated header the last one counts.
        body: whole.
        id: the client's ``X-Request-Id``, or one that no other request of any process has.
        received: of ``time.perf_counter()``.
        deadline: of ``time.perf_counter()``.
    """

    __slots__ = ("body", "deadline", "headers", "id", "method", "path", "received")

    def __init__(self, scope: Scope, answer_seconds: float) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.body = b""
        given = self.headers.get(b"x-request-id", b"")
        self.id = given.decode() if REQUEST_ID.fullmatch(given) else f"{_PROCESS}-{next(_NUMBERS)}"
        self.received = time.perf_counter()
        self.deadline = self.received + self._seconds(answer_seconds)

    def _seconds(self, most: float) -> float:
        """The client's own time, if it is a whole number of milliseconds and shorter."""
        given = self.headers.get(b"x-timeout-ms")
        return most if given is None or not given.isdigit() else min(most, int(given[:12]) / 1e3)

    @property
    def media_type(self) -> str:
        """Of the body, lower case, without parameters; "" if none is stated."""
        return (
            self.headers.get(b"content-type", b"").split(b";")[0].strip().lower().decode("latin-1")
        )


Handler: TypeAlias = Callable[[Request], Awaitable[Answer]]
