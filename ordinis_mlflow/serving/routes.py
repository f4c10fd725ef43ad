"""Routes: what lies at which path."""

import re
from collections.abc import Mapping
from concurrent.futures import Executor
from importlib.metadata import version

from ordinis_mlflow.serving.answering import WRITERS
from ordinis_mlflow.serving.answers import Predictions, SymbolPredictions
from ordinis_mlflow.serving.app import Route
from ordinis_mlflow.serving.described import ANY, BYTES, TEXT, Described
from ordinis_mlflow.serving.forms import FORMS
from ordinis_mlflow.serving.http import JSON, Answer, Request
from ordinis_mlflow.serving.http import TEXT as PLAIN_TEXT
from ordinis_mlflow.serving.invocations import Invocations
from ordinis_mlflow.serving.open_inference import open_inference_routes
from ordinis_mlflow.serving.openapi import document
from ordinis_mlflow.serving.service import Service
from ordinis_mlflow.serving.strict_json import encode
from ordinis_mlflow.telemetry import ServingMetrics

INVOCATIONS = Described(
    "The signal of each window, or the latest of each symbol.",
    answers={
        media.decode(): (Predictions, SymbolPredictions) if media == JSON else (BYTES,)
        for media in WRITERS
    },
    takes={media: (form.kind,) for media, form in FORMS.items()},
    refusals=(400, 415, 504),
    headers={"X-Ordinis-Model": "Name and version of each model that answered."},
)
PING = Described("Whether a model is loaded.", {"text/plain": (TEXT,)})
VERSION = Described("MLflow's version.", {"text/plain": (TEXT,)})
METRICS = Described(
    "Metrics for Prometheus.", {"text/plain": (TEXT,), "application/openmetrics-text": (TEXT,)}
)
OPENAPI = Described("This document.", {"application/json": (ANY,)})


class Routes:
    """Path to route.

    Args:
        by_path: ``{name}`` in a path stands for a part of it.
    """

    def __init__(self, by_path: Mapping[str, Route]) -> None:
        described = Route("openapi", {"GET": self._openapi}, open=True, described={"GET": OPENAPI})
        self._by_path = {**by_path, "/openapi.json": described}
        self._templates = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), route)
            for path, route in self._by_path.items()
            if "{" in path
        ]
        self._document = encode(document(self.by_path))

    @property
    def by_path(self) -> Mapping[str, Route]:
        """Every route; ``{name}`` in a path stands for a part of it."""
        return self._by_path

    def find(self, path: str) -> Route | None:
        """The route at a path; None if there is none."""
        found = self._by_path.get(path)
        if found is not None:
            return None if "{" in path else found
        return next((route for form, route in self._templates if form.fullmatch(path)), None)

    async def _openapi(self, request: Request) -> Answer:
        return Answer(self._document)


def routes(
    service: Service,
    executor: Executor | None,
    metrics: ServingMetrics,
    more: Mapping[str, Route] | None = None,
) -> Routes:
    """Everything that the server answers.

    Args:
        service: answers.
        executor: where large bodies are read; None for asyncio's own.
        metrics: are shown.
        more: path to route, of what is there by the settings.
    """

    async def ping(request: Request) -> Answer:
        label = service.arms.champion.label.encode("ascii", "backslashreplace")
        return Answer(b"\n", content_type=PLAIN_TEXT, headers=((b"x-ordinis-model", label),))

    async def mlflow_version(request: Request) -> Answer:
        return Answer(version("mlflow").encode(), content_type=PLAIN_TEXT)

    async def exposition(request: Request) -> Answer:
        accept = request.headers.get(b"accept", b"").decode("latin-1")
        body, content_type = metrics.render(accept or None)
        return Answer(body, content_type=content_type.encode())

    invocations = Route(
        "invocations",
        {"POST": Invocations(service, FORMS, executor)},
        described={"POST": INVOCATIONS},
    )
    alive = Route(
        "ping", {"GET": ping, "HEAD": ping}, open=True, described={"GET": PING, "HEAD": PING}
    )
    return Routes(
        {
            "/invocations": invocations,
            "/ping": alive,
            "/health": alive,
            "/version": Route("version", {"GET": mlflow_version}, described={"GET": VERSION}),
            "/metrics": Route("metrics", {"GET": exposition}, described={"GET": METRICS}),
            **open_inference_routes(service),
            **(more or {}),
        }
    )
