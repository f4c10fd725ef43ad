"""A ``/metrics`` beside a server that has none of its own, on a port of its own."""

from functools import cache

from prometheus_client import start_http_server

from ordinis_mlflow.errors import ServingError
from ordinis_mlflow.telemetry.metrics import ServingMetrics

LOOPBACK = "127.0.0.1"


@cache
def side_port(port: int, host: str = LOOPBACK) -> ServingMetrics:
    """What this process counts, offered at ``http://host:port/metrics`` by a daemon thread.

    The models of one process share a port: asked again, the same metrics are returned.

    Args:
        port: 1 to 65535.
        host: the address to listen on.

    Raises:
        ServingError: the port cannot be had.
    """
    metrics = ServingMetrics()
    try:
        start_http_server(port, addr=host, registry=metrics.exposed)
    except (OSError, OverflowError) as error:
        raise ServingError(
            f"metrics cannot be offered at http://{host}:{port}/metrics: {error}; choose a free "
            "port, and one worker process, as each would need its own"
        ) from error
    return metrics
