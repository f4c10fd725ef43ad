"""DriftCollector: the monitor's last scores at ``/metrics``, whatever state its file is in."""

import logging
import os
from collections.abc import Iterable

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ordinis_mlflow.errors import InvalidTelemetry
from ordinis_mlflow.telemetry import names
from ordinis_mlflow.telemetry.drift_scores import DriftScores
from ordinis_mlflow.telemetry.exposition import family

logger = logging.getLogger(__name__)


class DriftCollector(Collector):
    """Reads the file at each scrape: no file, no series; a damaged one is a gauge that says so.

    Args:
        path: what the monitor writes with :meth:`DriftScores.write`; may come later.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path, self._said = path, ""

    def collect(self) -> Iterable[Metric]:
        """Families of the scores; never an exception."""
        try:
            scores = DriftScores.read(self._path)
        except FileNotFoundError:
            return []
        except InvalidTelemetry as error:
            self._say(str(error))
            return [_damaged(1)]
        return [_damaged(0), *_families(scores)]

    def _say(self, reason: str) -> None:
        if reason != self._said:  # once, not at every scrape
            logger.warning("%s", reason)
        self._said = reason


def _damaged(value: int) -> Metric:
    damaged = family(names.DRIFT_DAMAGED)
    damaged.add_metric((), value)
    return damaged


def _families(scores: DriftScores) -> list[Metric]:
    distance, limit = family(names.DRIFT_DISTANCE), family(names.DRIFT_LIMIT)
    alarm, checked = family(names.DRIFT_ALARM), family(names.DRIFT_CHECKED)
    of = (scores.model, scores.version)
    for each in scores.columns:
        distance.add_metric((*of, each.column), each.distance)
        limit.add_metric((*of, each.column), each.limit)
    alarm.add_metric(of, float(scores.alarm))
    checked.add_metric(of, scores.checked_at.timestamp())
    return [distance, limit, alarm, checked]
