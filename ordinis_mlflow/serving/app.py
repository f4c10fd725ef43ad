"""ServingApp: the ASGI application. One door in, one door out: every error becomes one line."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ordinis_mlflow.errors import RequestRefused
from ordinis_mlflow.serving.described import Described
from ordinis_mlflow.serving.http import Answer, Handler, Receive, Request, Scope, Send
from ordinis_mlflow.serving.refusals import refusal, status_and_kind
from ordinis_mlflow.serving.settings import Limits
from ordinis_mlflow.serving.tracing import Tracing
from ordinis_mlflow.telemetry import ServingMetrics

_logger = logging.getLogger(__name__)
CLOSE = (b"connection", b"close")
STOP_SECONDS = 15.0
"""That a component may take to finish."""


class Component(Protocol):
    """Something that runs beside the requests: from before the first to after the last."""

    async def start(self) -> None:
        """Get ready; the server takes no request before."""

    async def stop(self) -> None:
        """Finish; no request comes any more."""


@dataclass(frozen=True)
class Route:
    """What answers at a path.

    Attributes:
        name: label of the metrics.
        handlers: method to handler.
        protocol: whose form errors have, ``mlflow`` or ``v2``.
        open: whether it answers without an API key.
        described: method to what the OpenAPI document says of it.
        body_bytes: most bytes of a body; None for as many as the server's limits allow.
    """

    name: str
    handlers: Mapping[str, Handler]
    protocol: str = "mlflow"
    open: bool = False
    described: Mapping[str, Described] = field(default_factory=dict)
    body_bytes: int | None = None


class Router(Protocol):
    """Where a path leads."""

    def find(self, path: str) -> Route | None:
        """The route; None if there is none."""


class Guard(Protocol):
    """Who may ask."""

    def check(self, request: Request) -> None:
        """Raise RequestRefused if this client may not."""


class ServingApp:
    """Answers requests; see ``serving.process`` for how it is put together.

    Args:
        router: path to route.
        guard: who may ask.
        limits: of one request.
        metrics: are told of each request.
        components: started in order and stopped in reverse.
        tracing: of each request; None for none.
    """

    def __init__(
        self,
        router: Router,
        guard: Guard,
        limits: Limits,
        metrics: ServingMetrics,
        components: Sequence[Component] = (),
        tracing: Tracing | None = None,
    ) -> None:
        self._router, self._guard, self.limits = router, guard, limits
        self.metrics, self._components = metrics, tuple(components)
        self._started: list[Component] = []
        self._in_flight = metrics.in_flight()
        self._http = tracing.around(self._answer) if tracing else self._answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's way in."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1003})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, self.limits.answer_seconds)
        route = self._router.find(request.path)
        read = False
        self._in_flight.inc()
        try:
            handler = _handler(route, request)
            if route is not None and not route.open:
                self._guard.check(request)
            request.body = await self._read(request, receive, route)
            read = True
            answer = await handler(request)
        except Exception as error:  # the one door at which errors become answers
            answer = self._refused(error, request, route)
        finally:
            self._in_flight.dec()
        await _send(answer, request, send, read)
        self.metrics.answered(
            route.name if route else "none", answer.status, time.perf_counter() - request.received
        )

    async def _read(self, request: Request, receive: Receive, route: Route | None) -> bytes:
        """The whole body, if it is not too large and does not take too long."""
        most, seconds = self.limits.body_bytes, self.limits.read_seconds
        if route is not None and route.body_bytes is not None:
            most = route.body_bytes
        stated = request.headers.get(b"content-length", b"")
        if stated.isdigit() and int(stated[:20]) > most:
            raise _too_large(most)
        try:
            async with asyncio.timeout(seconds):
                return await _body(receive, most)
        except TimeoutError:
            raise RequestRefused(
                408, "body_timeout", f"the body did not arrive within {seconds:g} s"
            ) from None

    def _refused(self, error: Exception, request: Request, route: Route | None) -> Answer:
        status, kind = status_and_kind(error)
        self.metrics.failed(kind)
        if status == 500:
            _logger.exception("request %s to %s failed", request.id, request.path)
        return refusal(error, route.protocol if route else "mlflow")

    async def start(self) -> None:
        """Start every component; if one cannot, none is left running.

        Raises:
            Exception: what the component raised.
        """
        try:
            for component in self._components:
                await component.start()
                self._started.append(component)
        except Exception:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop what was started."""
        await _stop(self._started)
        self._started.clear()

    async def _live(self, receive: Receive, send: Send) -> None:
        """ASGI's lifespan, for servers that are not started by ``serving.running``."""
        await receive()
        try:
            await self.start()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})


def _handler(route: Route | None, request: Request) -> Handler:
    if route is None:
        raise RequestRefused(404, "not_found", f"there is nothing at {request.path}")
    if request.method not in route.handlers:
        allowed = ", ".join(sorted(route.handlers))
        raise RequestRefused(
            405,
            "method_not_allowed",
            f"{request.path} takes {allowed}, not {request.method}",
            ((b"allow", allowed.encode()),),
        )
    return route.handlers[request.method]


async def _body(receive: Receive, most: int) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestRefused(400, "disconnected", "the client has gone")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise _too_large(most)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(most: int) -> RequestRefused:
    return RequestRefused(
        413, "too_large", f"a body may have {most} bytes: send several requests, or a binary one"
    )


async def _send(answer: Answer, request: Request, send: Send, read: bool) -> None:
    """Send it whole; a connection on which an unread body may still come is closed."""
    headers = [
        (b"content-type", answer.content_type),
        (b"content-length", str(len(answer.body)).encode()),
        (b"x-request-id", request.id.encode()),
        *answer.headers,
    ]
    if not read:
        headers.append(CLOSE)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if request.method == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body})


async def _stop(components: Sequence[Component]) -> None:
    """In reverse; one that fails does not keep the others from finishing."""
    for component in reversed(components):
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await component.stop()
        except Exception:
            _logger.exception("%s did not stop as it should", type(component).__name__)
