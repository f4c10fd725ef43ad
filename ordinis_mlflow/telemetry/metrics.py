"""ServingMetrics: what a model server counts, and how it tells it."""

import os

import numpy as np
import numpy.typing as npt
import pandas as pd
from prometheus_client import CollectorRegistry, Gauge

from ordinis_mlflow.signal import Signal
from ordinis_mlflow.telemetry import names
from ordinis_mlflow.telemetry.collectors import Children, counter, gauge, histogram
from ordinis_mlflow.telemetry.drift_collector import DriftCollector
from ordinis_mlflow.telemetry.exposition import Exposed, render
from ordinis_mlflow.telemetry.processes import Workers, shared_directory

DIRECTIONS = {-1: "short", 0: "flat", 1: "long"}


class ServingMetrics:
    """Counts of one server process, and the exposition of all of its siblings'.

    Each process makes one. Calls are cheap (about a microsecond a series) and safe from several
    threads. Label values come from the program, never from a request: a route is the pattern that
    matched, not the path that was asked for.

    Attributes:
        exposed: the registry of what :meth:`render` writes, for a server of Prometheus' own.

    Args:
        registry: None for a new one, or for what all workers have counted where
            ``PROMETHEUS_MULTIPROC_DIR`` is set (:func:`multiprocess_directory`).
        drift: file in which a monitor leaves its :class:`DriftScores`; read at each scrape.

    Raises:
        InvalidConfig: that variable changed after prometheus_client was imported.
    """

    def __init__(
        self,
        registry: CollectorRegistry | None = None,
        drift: str | os.PathLike[str] | None = None,
    ) -> None:
        directory = shared_directory() if registry is None else None
        own = CollectorRegistry() if registry is None else registry
        self._durations = Children(histogram(names.REQUEST_DURATION, own))
        self._requests = Children(counter(names.REQUESTS, own))
        self._errors = Children(counter(names.ERRORS, own))
        self._in_flight = gauge(names.IN_FLIGHT, own)
        self._queue_delay = histogram(names.QUEUE_DELAY, own)
        self._batch = histogram(names.BATCH, own)
        self._model_duration = histogram(names.MODEL_DURATION, own)
        self._windows = counter(names.WINDOWS, own)
        self._signals = Children(counter(names.SIGNALS, own))
        self._probability_up = Children(histogram(names.PROBABILITY_UP, own))
        self._strength = Children(histogram(names.STRENGTH, own))
        self._difference = histogram(names.SHADOW_DIFFERENCE, own)
        self._disagreements = counter(names.SHADOW_DISAGREEMENTS, own)
        self._dropped = Children(counter(names.SHADOW_DROPPED, own))
        self._fallbacks = Children(counter(names.SPLIT_FALLBACKS, own))
        self._info = Children(gauge(names.MODEL_INFO, own))
        self._fitted = Children(gauge(names.FITTED, own))
        self._loaded = Children(gauge(names.LOADED, own))
        self._reload_durations = Children(histogram(names.RELOAD_DURATION, own))
        self._reload_failures = Children(counter(names.RELOAD_FAILURES, own))
        self._sessions = Children(counter(names.SESSIONS, own))
        self._log_rows = counter(names.LOG_ROWS, own)
        self._log_lost = Children(counter(names.LOG_LOST, own))
        self._log_pending = gauge(names.LOG_PENDING, own)
        self._versions: dict[str, tuple[str, str]] = {}
        self.exposed = CollectorRegistry()
        self.exposed.register(Exposed(Workers(directory) if directory else own))
        if drift is not None:
            self.exposed.register(DriftCollector(drift))

    def answered(self, route: str, status: int, seconds: float) -> None:
        """A request was answered, with whatever status."""
        self._durations[(route,)].observe(seconds)
        self._requests[route, status].inc()

    def failed(self, kind: str) -> None:
        """A request got no signal: ``invalid_json``, ``queue_full``, ``deadline``, ..."""
        self._errors[(kind,)].inc()

    def in_flight(self) -> Gauge:
        """Of requests: ``inc()`` when one comes, ``dec()`` when it is answered."""
        return self._in_flight

    def queued(self, seconds: float) -> None:
        """A request has waited so long for its batch to start."""
        self._queue_delay.observe(seconds)

    def ran(self, windows: int, seconds: float) -> None:
        """One run of the model took so long for so many windows."""
        self._batch.observe(windows)
        self._model_duration.observe(seconds)
        self._windows.inc(windows)

    def signalled(self, signal: Signal, arm: str) -> None:
        """What an arm (``champion``, ``challenger``, ``shadow``) said, of any number of windows."""
        for direction, count in _directions(signal):
            self._signals[arm, direction].inc(count)
        self._probability_up[(arm,)].observe_many(signal.probability_up)
        self._strength[(arm,)].observe_many(signal.strength)

    def compared(self, champion: Signal, challenger: Signal) -> None:
        """What two versions said of the same windows, in the same order."""
        # A scale that is 0 or NaN gives what is not finite, which has a bucket.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            difference = np.abs(challenger.mean - champion.mean) / champion.scale
        self._difference.observe_many(difference)
        self._disagreements.inc(_count(champion.direction != challenger.direction))

    def shadow_dropped(self, windows: int, kind: str) -> None:
        """So many windows were answered, and not asked of the challenger: ``behind``, ..."""
        self._dropped[(kind,)].inc(windows)

    def fell_back(self, windows: int, kind: str) -> None:
        """The champion answered for a challenger: that is ``absent``, ``failed``, ..."""
        self._fallbacks[(kind,)].inc(windows)

    def serving(
        self, arm: str, model: str, version: str, fitted_last: pd.Timestamp | None, loaded_at: float
    ) -> None:
        """An arm serves this version from now on, and no other.

        Args:
            arm: ``champion``, ``challenger``, ...
            model: registered name.
            version: of that name.
            fitted_last: time of the last bar it was fitted to, with a time zone; None: not known.
            loaded_at: seconds since 1970.
        """
        series, before = (arm, model, version), self._versions.get(arm)
        self._info[series].set(1)
        self._loaded[series].set(loaded_at)
        self._fitted[series].set(0 if fitted_last is None else fitted_last.timestamp())
        if before != (model, version):
            self.retired(arm)  # last, so that no scrape finds the arm without a version
            self._versions[arm] = (model, version)

    def retired(self, arm: str) -> None:
        """An arm serves nothing any more; its series end."""
        if arm in self._versions:
            series = (arm, *self._versions.pop(arm))
            for each in (self._info, self._loaded, self._fitted):
                each[series].set(0)

    def reloaded(self, arm: str, seconds: float) -> None:
        """A version was loaded, proven, warmed and swapped in."""
        self._reload_durations[(arm,)].observe(seconds)

    def reload_failed(self, arm: str, kind: str) -> None:
        """A version was not taken: ``probe``, ``download``, ...; the old one serves on."""
        self._reload_failures[arm, kind].inc()

    def opened(self, arm: str, proposal: str) -> None:
        """A version has a session; what became of proposed settings: ``used``, ``refused``, ..."""
        self._sessions[arm, proposal].inc()

    def logged(self, rows: int) -> None:
        """Rows of the prediction log are on the disk."""
        self._log_rows.inc(rows)

    def log_lost(self, rows: int, reason: str) -> None:
        """Rows that the prediction log will never have: ``full``, ``disk``, ..."""
        self._log_lost[(reason,)].inc(rows)

    def log_pending(self, rows: int) -> None:
        """So many rows wait to be written now."""
        self._log_pending.set(rows)

    def render(self, accept: str | None = None) -> tuple[bytes, str]:
        """Exposition text and content type, of all workers where there are several.

        Args:
            accept: the request's header; OpenMetrics is given to who names it.
        """
        return render(self.exposed, accept)


def _directions(signal: Signal) -> tuple[tuple[str, int], ...]:
    if len(signal) == 1:
        return ((DIRECTIONS[int(signal.direction[0])], 1),)
    down, up = _count(signal.direction < 0), _count(signal.direction > 0)
    flat = len(signal) - down - up
    return (("short", down), ("flat", flat), ("long", up))


def _count(rows: npt.NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(rows))
