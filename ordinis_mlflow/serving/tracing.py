"""Tracing: a span a request, told to an OpenTelemetry collector; off unless it is asked for.

Where the collector is, what is sampled and what the service is called are OpenTelemetry's own
environment variables (``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_TRACES_SAMPLER``,
``OTEL_SERVICE_NAME``). A caller's trace is continued (W3C ``traceparent``).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.serving.http import Message, Receive, Scope, Send

Answering: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
SERVICE = "ordinis-serving"
TOLD = {b"x-request-id": "ordinis.request_id", b"x-ordinis-model": "ordinis.model"}
"""Headers of an answer that are attributes of its span."""


class Tracing:
    """A component that traces, and exports what it has until it is stopped.

    Raises:
        InvalidConfig: the exporter is not installed.
    """

    def __init__(self) -> None:
        try:
            # Late, so that a server without tracing pays for none of it.
            from opentelemetry import propagate, trace
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import OTELResourceDetector, Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise InvalidConfig(
                f"tracing needs OpenTelemetry's exporter ({error}): "
                "install ordinis-mlflow[tracing], or leave tracing out"
            ) from error
        named = Resource({"service.name": SERVICE}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=named)
        self._exporting, self._exporter = BatchSpanProcessor, OTLPSpanExporter
        self._tracer = self._provider.get_tracer("ordinis_mlflow.serving")
        self._extract, self._server = propagate.extract, trace.SpanKind.SERVER

    async def start(self) -> None:
        """Begin to export."""
        self._provider.add_span_processor(self._exporting(self._exporter()))

    async def stop(self) -> None:
        """Export what is left."""
        await asyncio.to_thread(self._provider.shutdown)

    def around(self, answer: Answering) -> Answering:
        """The same, with a span around each request."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            carrier = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
            begun = self._tracer.start_as_current_span(
                scope["method"], self._extract(carrier), self._server
            )
            with begun as span:
                span.set_attribute("http.request.method", scope["method"])
                span.set_attribute("url.path", scope["path"])
                await answer(scope, receive, _told(span, send))

        return traced


def _told(span: Any, send: Send) -> Send:
    """Sends, and tells the span what is sent."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            span.set_attribute("http.response.status_code", message["status"])
            for name, value in message["headers"]:
                if name in TOLD:
                    span.set_attribute(TOLD[name], value.decode("latin-1"))
        await send(message)

    return sent
