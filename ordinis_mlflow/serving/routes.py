"""Routes: what lies at which path."""

from collections.abc import Mapping
from importlib.metadata import version

from ordinis_mlflow.errors import ServingError
from ordinis_mlflow.serving.app import Route
from ordinis_mlflow.serving.http import Answer, Request
from ordinis_mlflow.serving.invocations import Invocations, Reader
from ordinis_mlflow.serving.service import Service
from ordinis_mlflow.telemetry import ServingMetrics


class Routes:
    """Path to route.

    Args:
        exact: by the whole path.
    """

    def __init__(self, exact: Mapping[str, Route]) -> None:
        self._exact = dict(exact)

    def find(self, path: str) -> Route | None:
        """The route at a path; None if there is none."""
        return self._exact.get(path)


def routes(service: Service, readers: Mapping[str, Reader], metrics: ServingMetrics) -> Routes:
    """Everything that the server answers."""

    async def ping(request: Request) -> Answer:
        if not service.ready:
            raise ServingError("no model is loaded yet: try again later")
        return Answer(b"\n")

    async def mlflow_version(request: Request) -> Answer:
        return Answer(version("mlflow").encode())

    async def exposition(request: Request) -> Answer:
        accept = request.headers.get(b"accept", b"").decode("latin-1")
        body, content_type = metrics.render(accept or None)
        return Answer(body, content_type=content_type.encode())

    alive = {"GET": ping, "HEAD": ping}
    return Routes(
        {
            "/invocations": Route("invocations", {"POST": Invocations(service, readers)}),
            "/ping": Route("ping", alive, open=True),
            "/health": Route("ping", alive, open=True),
            "/version": Route("version", {"GET": mlflow_version}),
            "/metrics": Route("metrics", {"GET": exposition}),
        }
    )
