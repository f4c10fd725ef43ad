"""Follower: an arm serves whoever holds its alias; a version that fails is never let in."""

import asyncio
import gc
import logging
import threading
import time
from collections.abc import Callable

from ordinis_mlflow.errors import (
    ManifestMismatch,
    ModelUnavailable,
    NotProven,
    OrdinisError,
    ProbeFailed,
    ScalerMismatch,
)
from ordinis_mlflow.serving import registry
from ordinis_mlflow.serving.arms import Served
from ordinis_mlflow.serving.bell import Bell
from ordinis_mlflow.serving.loading import Loader
from ordinis_mlflow.serving.pairing import announce
from ordinis_mlflow.serving.pauses import Pauses
from ordinis_mlflow.serving.refusals import one_line
from ordinis_mlflow.serving.settings import Following
from ordinis_mlflow.serving.source import Source
from ordinis_mlflow.telemetry import ServingMetrics

_logger = logging.getLogger(__name__)
KINDS: tuple[tuple[type[OrdinisError], str], ...] = (
    (ModelUnavailable, "download"),
    (ManifestMismatch, "manifest"),
    (NotProven, "not_proven"),
    (ProbeFailed, "probe"),
    (ScalerMismatch, "scaler"),
    (OrdinisError, "package"),
)
"""Why a version was not taken, as a label of metrics. Besides: ``registry`` did not answer, nobody
holds the ``alias``, and ``internal`` for what nobody expected."""
STOP_SECONDS = 2.0
"""In which the thread ends unless it waits for somebody else."""


class Follower:
    """One arm's component: loads its first version, then follows its alias in a thread of its own.

    The registry alone says who is served: hints and the clock only say when it is asked. A version
    is downloaded, proven and warmed up beside the one that serves, which goes on if that fails.

    Args:
        source: what the arm serves.
        loader: of versions.
        put: lets a version answer from the next request on; called on the event loop.
        settings: when the registry is asked.
        metrics: are told what serves and what failed.
        bell: that hints ring.
        drop: lets nobody serve the arm any more, called on the event loop; None for an arm without
            which nothing is served: its first version has to come, and its last one stays.
    """

    def __init__(
        self,
        source: Source,
        loader: Loader,
        put: Callable[[Served], None],
        settings: Following,
        metrics: ServingMetrics,
        bell: Bell,
        drop: Callable[[], None] | None = None,
    ) -> None:
        self._source, self._loader, self._put, self._drop = source, loader, put, drop
        self._metrics, self._bell, self._rung = metrics, bell, bell.rung()
        self._look_seconds = settings.hint_seconds
        self._asking = Pauses(settings.reload_seconds, settings.longest_seconds)
        self._loading = Pauses(settings.reload_seconds, settings.longest_seconds)
        self._version = self._tried = ""
        self._held = True
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """Load the first version, and begin to follow.

        Raises:
            ModelUnavailable: nobody holds the alias, or the version cannot be had.
            PackageError: it must not be served.
            InvalidConfig: it has no graph of the precision asked for.
        """
        self._loop = asyncio.get_running_loop()
        began = time.perf_counter()
        try:
            self._take(await asyncio.to_thread(self._first), began)
        except OrdinisError as error:
            if self._drop is None:
                raise
            self._fail(_kind(error), error, self._loading)
        if self._source.aliased:
            name = f"follow-{self._source.arm}"
            # A daemon: a store that never answers must not keep the process from ending.
            self._thread = threading.Thread(target=self._follow, name=name, daemon=True)
            self._thread.start()

    async def stop(self) -> None:
        """Follow no more."""
        self._stopping.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, STOP_SECONDS)

    def _first(self) -> Served:
        if self._source.aliased is None:
            return self._loader.load(self._source.uri, self._source.arm)
        name, alias = self._source.aliased
        version = registry.holder(name, alias)
        if version is None:
            raise ModelUnavailable(
                f"{self._source.uri} cannot be served: no version of {name!r} holds the alias "
                f"{alias!r}, or the registry has no such model; promote one first"
            )
        self._asking.succeeded()
        return self._load(name, version)

    def _load(self, name: str, version: str) -> Served:
        return self._loader.load(f"models:/{name}/{version}", self._source.arm)

    def _take(self, served: Served, began: float) -> None:
        """On the event loop: no request sees half of it."""
        announce(served, self._metrics)
        self._put(served)
        self._version = served.version
        self._metrics.reloaded(served.arm, time.perf_counter() - began)

    def _follow(self) -> None:
        while not self._stopping.wait(self._look_seconds):
            try:
                self._hear()
                if self._asking.due:
                    self._look()
            except Exception as error:  # whatever it is, the old version goes on and so do we
                _logger.exception("following %s failed", self._source.uri)
                self._fail("internal", error, self._asking)

    def _hear(self) -> None:
        """After a hint everything is due: also what has failed before."""
        rung = self._bell.rung()
        if rung != self._rung:
            self._rung = rung
            self._asking.forget()
            self._loading.forget()

    def _look(self) -> None:
        """Ask who holds the alias, and take that version if it is another one."""
        assert self._source.aliased is not None
        name, alias = self._source.aliased
        try:
            version = registry.holder(name, alias)
        except ModelUnavailable as error:
            self._fail("registry", error, self._asking)
            return
        self._asking.succeeded()
        if version is None:
            self._nobody()
        elif version == self._version:
            self._held, self._tried = True, ""
        else:
            self._held = True
            self._try(name, version)

    def _nobody(self) -> None:
        """Said once: the alias is asked for as often as ever."""
        if self._held:
            self._held, self._tried = False, ""
            self._metrics.reload_failed(self._source.arm, "alias")
            if self._drop is not None and self._version:
                self._version = ""
                self._loop.call_soon_threadsafe(self._drop)
            _logger.error("nobody holds %s: %s", self._source.uri, self._serving)

    def _try(self, name: str, version: str) -> None:
        if version != self._tried:
            self._tried = version
            self._loading.forget()
        if not self._loading.due:
            return
        began = time.perf_counter()
        try:
            served = self._load(name, version)
        except OrdinisError as error:
            self._fail(_kind(error), error, self._loading)
            return
        if not self._stopping.is_set():
            self._swap(served, began)

    def _swap(self, served: Served, began: float) -> None:
        """Return when it answers, or the loop has ended."""
        taken = threading.Event()

        def take() -> None:
            self._take(served, began)
            taken.set()

        before, self._tried = self._version, ""
        self._loop.call_soon_threadsafe(take)
        while not taken.wait(self._look_seconds) and not self._stopping.is_set():
            pass
        seconds = time.perf_counter() - began
        # MLflow leaves what downloads in circles, each with threads and buffers of its own.
        gc.collect()
        _logger.warning("%s answers instead of version %s (%.2f s)", served.label, before, seconds)

    def _fail(self, kind: str, error: Exception, again: Pauses) -> None:
        pause = again.failed()
        self._metrics.reload_failed(self._source.arm, kind)
        then = f"tried again in {pause:.0f} s" if self._source.aliased else "not tried again"
        _logger.error(
            "%s was looked for and not taken (%s), %s, %s: %s",
            *(self._source.uri, kind, self._serving, then, one_line(str(error))),
        )

    @property
    def _serving(self) -> str:
        version = self._version
        return f"version {version} serves on" if version else f"there is no {self._source.arm}"


def _kind(error: OrdinisError) -> str:
    return next(kind for of, kind in KINDS if isinstance(error, of))
