"""Watchers: who is told of each answer before it is sent."""

from ordinis_mlflow.serving.arms import Scored
from ordinis_mlflow.serving.service import Watcher
from ordinis_mlflow.telemetry import ServingMetrics


def counted(metrics: ServingMetrics) -> Watcher:
    """Counts what each arm says."""

    def count(scored: Scored) -> None:
        for part in scored.parts:
            metrics.signalled(part.signal, part.served.arm)

    return count
