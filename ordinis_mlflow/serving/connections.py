"""Connections: what uvicorn leaves open to a client that is slow, large or one of very many.

What a request costs is not changed: slow clients are found by looking at all connections now and
then, instead of by a timer for each request.
"""

import resource
import time
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from ordinis_mlflow.errors import InvalidConfig, RequestRefused, ServingError
from ordinis_mlflow.serving.app import CLOSE
from ordinis_mlflow.serving.http import Answer, Message, Receive, Scope, Send
from ordinis_mlflow.serving.joined_writes import JoinedWrites
from ordinis_mlflow.serving.refusals import refusal
from ordinis_mlflow.telemetry import ServingMetrics

HEADER_BYTES = 64 * 2**10
OTHER_FILES = 256
LINGER_SECONDS = 0.5
"""An idle connection of a server that ends may begin one more request for so long: a client that
has sent it already does not see it lost."""


@dataclass(frozen=True)
class ConnectionLimits:
    """How much connections may take, of one process.

    Attributes:
        connections: of which requests are answered; those of more are answered 503, and of twice
            as many none is heard.
        header_seconds: in which a request's headers have to arrive, or an answer to be taken.
        idle_seconds: that a connection may wait for its next request; longer than proxies keep
            theirs, or they send requests into a closing one.

    Raises:
        InvalidConfig: a figure is not above zero, or more connections than the system allows.
    """

    connections: int = 1000
    header_seconds: float = 10.0
    idle_seconds: float = 75.0

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not 0 < value < float("inf"):
                raise InvalidConfig(f"{each.name} must be above 0, got {value!r}")

    def allow_files(self) -> None:
        """Let this process, and those that it starts, open as many files as that takes.

        Raises:
            InvalidConfig: the system does not.
        """
        needed = 2 * self.connections + OTHER_FILES
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if 0 <= soft < needed:  # below zero: no limit
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
            except (ValueError, OSError) as error:
                raise InvalidConfig(
                    f"{self.connections} connections need {needed} open files, and the system "
                    f"allows {hard}: raise its limit (ulimit -Hn), or lower connections"
                ) from error


class Connection(HttpToolsProtocol):
    """One connection: uvicorn's, with bounds.

    Args:
        arguments: uvicorn's.
        limits: of connections.
        request_bytes: most bytes of a request as it is sent, headers and framing included.
        metrics: are told of requests that are none.
        more: uvicorn's.
    """

    def __init__(
        self,
        *arguments: Any,
        limits: ConnectionLimits,
        request_bytes: int,
        metrics: ServingMetrics,
        **more: Any,
    ) -> None:
        super().__init__(*arguments, **more)
        self._limits, self._request_bytes, self._metrics = limits, request_bytes, metrics
        self._of: object = None
        self._came = 0
        self._under_way: RequestResponseCycle | None = None
        self.seen: tuple[object, ...] = ()
        self.since = 0.0

    def connection_made(self, transport: Any) -> None:
        """Uvicorn's; one too many is told so, and of very many too many none is heard."""
        self._joined = JoinedWrites(transport)
        joined: Any = self._joined  # a transport in all that is asked of it
        super().connection_made(joined)
        if len(self.connections) > 2 * self._limits.connections:
            transport.abort()
        elif len(self.connections) > self._limits.connections:
            self._metrics.failed("connections")
            self.app = _too_many

    def data_received(self, data: bytes) -> None:
        """Uvicorn's, if the request does not become too large."""
        super().data_received(data)
        if self._of is not self.scope:  # another request has begun
            self._of, self._came = self.scope, 0
            return
        self._came += len(data)
        if self._came > HEADER_BYTES:
            self._refuse_large()

    def on_response_complete(self) -> None:
        """Uvicorn's; an answer without a body has not left yet."""
        self._joined.flush()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Uvicorn's, which tells only the last of pipelined requests that its client has gone."""
        if self._under_way is not None:
            self._under_way.disconnected = True
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._under_way = cycle
        super()._start_asgi_task(cycle, app)

    def shutdown(self) -> None:
        """The server ends: what is still asked is answered, and closes the connection."""
        if self.cycle is None or self.cycle.response_complete:
            self.app = _closing(self.app)
            self.loop.call_later(LINGER_SECONDS, self._close_if_idle)
        else:
            self.cycle.keep_alive = False

    def send_400_response(self, msg: str) -> None:
        """The answer to what is no HTTP."""
        self._refuse(RequestRefused(400, "malformed", "this is no HTTP/1.1 request"))

    @property
    def reading_headers(self) -> bool:
        """Whether a request has begun and its headers are not complete."""
        return self.scope is not None and (self.cycle is None or self.cycle.scope is not self.scope)

    @property
    def answering(self) -> bool:
        """Whether a request is being read or answered."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def idle(self) -> bool:
        """Whether uvicorn closes it, unless another request comes."""
        return self.timeout_keep_alive_task is not None and not self.reading_headers

    def state(self) -> tuple[object, ...]:
        """Stays the same for as long as nothing is completed."""
        return self.cycle, self.answering, self.transport.is_closing()

    def give_up(self) -> None:
        """It was in this state for too long."""
        if self.reading_headers and not self.transport.is_closing():
            self._refuse(RequestRefused(408, "header_timeout", "the headers took too long to come"))
        elif self.answering or self.transport.is_closing():
            self.transport.abort()
        else:
            self.transport.close()

    def _refuse_large(self) -> None:
        if self.transport.is_closing():
            return
        if self.reading_headers:
            most = f"headers may have {HEADER_BYTES} bytes"
            self._refuse(RequestRefused(431, "header_too_large", most))
        elif self._came > self._request_bytes:
            self.transport.abort()

    def _refuse(self, error: RequestRefused) -> None:
        self._metrics.failed(error.kind)
        self.transport.write(_bytes(refusal(error)))
        self.transport.close()

    def _close_if_idle(self) -> None:
        if not self.answering:
            self.transport.close()


class Watch:
    """Looks at connections now and then, and gives up those in which nothing happens.

    Args:
        limits: of connections.
        request_seconds: in which a request is read and answered, or something is wrong.
    """

    def __init__(self, limits: ConnectionLimits, request_seconds: float) -> None:
        self._limits, self._request_seconds = limits, request_seconds

    def look(self, connections: Iterable[Connection]) -> None:
        """Once over all."""
        now = time.monotonic()
        for each in list(connections):
            state = each.state()
            if state != each.seen or each.idle:
                each.seen, each.since = state, now
            elif now - each.since > self._allowed(each):
                each.give_up()

    def _allowed(self, connection: Connection) -> float:
        answering = connection.answering and not connection.transport.is_closing()
        return self._request_seconds if answering else self._limits.header_seconds


async def _too_many(scope: Scope, receive: Receive, send: Send) -> None:
    answer = refusal(ServingError("too many connections: try again later"))
    headers = [(b"content-type", answer.content_type), *answer.headers, CLOSE]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


def _closing(app: Any) -> Any:
    """The application, with answers after which the connection is closed."""

    async def closing(scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], CLOSE]}
            await send(message)

        await app(scope, receive, sent)

    return closing


def _bytes(answer: Answer) -> bytes:
    """An answer as it is sent where there is no request to answer."""
    headers = (
        (b"content-type", answer.content_type),
        (b"content-length", str(len(answer.body)).encode()),
        *answer.headers,
        CLOSE,
    )
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    return STATUS_LINE[answer.status] + lines + b"\r\n" + answer.body
