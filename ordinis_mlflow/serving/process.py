"""One server process: its parts, put together."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ordinis_mlflow.serving.app import Component, ServingApp
from ordinis_mlflow.serving.bell import Bell
from ordinis_mlflow.serving.dividing import Division
from ordinis_mlflow.serving.follow import Follower
from ordinis_mlflow.serving.hints import hint_routes
from ordinis_mlflow.serving.keys import guard
from ordinis_mlflow.serving.loading import Loader
from ordinis_mlflow.serving.pairing import CHAMPION, Pairing
from ordinis_mlflow.serving.prediction_logging import PredictionLogging
from ordinis_mlflow.serving.registry import unattended
from ordinis_mlflow.serving.routes import routes
from ordinis_mlflow.serving.service import Service
from ordinis_mlflow.serving.settings import ServingSettings
from ordinis_mlflow.serving.settled import Settled
from ordinis_mlflow.serving.shadow import Shadow
from ordinis_mlflow.serving.source import Source
from ordinis_mlflow.serving.tracing import Tracing
from ordinis_mlflow.serving.watchers import counted
from ordinis_mlflow.telemetry import ServingMetrics
from ordinis_mlflow.telemetry.processes import shared_directory

THREADS = 2


def create(settings: ServingSettings) -> ServingApp:
    """The application of one process."""
    unattended()
    metrics, bell = ServingMetrics(drift=settings.drift_scores), Bell(_shared("reload"))
    kept, experiment = settings.prediction_log, settings.experiment
    logs = [PredictionLogging(kept, metrics)] if kept.log_folder else []
    shadow = [Shadow(metrics, tuple(logs), experiment.shadow_windows)] if experiment.shadows else []
    division = Division(experiment.split, metrics) if experiment.splits else None
    service = Service(settings.limits, (counted(metrics), *logs, *shadow), division)
    pairing = Pairing([service.replace, *(each.replace for each in shadow)], metrics)
    sources = [Source(CHAMPION, settings.model), *experiment.sources]
    followers = _followers(sources, settings, pairing, metrics, bell)
    readers = ThreadPoolExecutor(THREADS, "body")
    found = routes(service, readers, metrics, hint_routes(sources, bell))
    tracing = Tracing() if settings.tracing else None
    parts: list[Component] = [
        *([tracing] if tracing else []),
        *followers,
        *logs,
        *shadow,
        Settled(),
    ]
    return ServingApp(found, guard(settings.access), settings.limits, metrics, parts, tracing)


def _followers(
    sources: Sequence[Source],
    settings: ServingSettings,
    pairing: Pairing,
    metrics: ServingMetrics,
    bell: Bell,
) -> list[Follower]:
    """One an arm, the champion's first: without it there is nothing to be paired with."""
    loader = Loader(settings, ThreadPoolExecutor(THREADS, "model"), metrics)
    put, when = pairing.put, settings.following
    return [
        Follower(each, loader, put, when, metrics, bell, pairing.drops(each.arm))
        for each in sources
    ]


def _shared(name: str) -> Path | None:
    """A file that this process shares with its siblings; None if it has none."""
    directory = shared_directory()
    return Path(directory) / name if directory else None
