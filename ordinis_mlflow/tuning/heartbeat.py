"""Heartbeat: a worker says that it lives; when it no longer does, its trials are tried again."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.tuning.retry import Retry

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pulse:
    """When a worker counts as dead, and what becomes of its trials.

    Attributes:
        every_s: a worker says this often that it lives, whole seconds.
        dead_after_s: it is dead when it said nothing for so long. Machines stall, and a trial that
            is given to another worker while its own still lives is measured for nothing.
        retries: how often a configuration is tried again; one that kills every worker is not tried
            for ever.

    Raises:
        InvalidConfig: a value is outside its range.
    """

    every_s: int = 30
    dead_after_s: int = 150
    retries: int = 2

    def __post_init__(self) -> None:
        if not 1 <= self.every_s < self.dead_after_s:
            raise InvalidConfig(
                "a heartbeat comes every 1 or more seconds and a worker is dead after more than "
                f"that, got {self.every_s} and {self.dead_after_s}"
            )
        if self.retries < 0:
            raise InvalidConfig(f"retries must be 0 or more, got {self.retries}")

    def retry(self) -> Retry:
        """What puts a dead worker's configuration back into the queue."""
        return Retry(self.retries)


class Heartbeat:
    """One thread that beats for every open trial of a worker.

    Args:
        beat: writes that a trial is alive.
        every_s: seconds between two beats.
    """

    def __init__(self, beat: Callable[[int], None], every_s: float) -> None:
        self._beat, self._every_s = beat, every_s
        self._trials: set[int] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, trial_id: int) -> None:
        """Beat for a trial until it is removed; the first beat is not done here."""
        with self._lock:
            self._trials.add(trial_id)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()

    def remove(self, trial_id: int) -> None:
        """Beat no more for a trial."""
        with self._lock:
            self._trials.discard(trial_id)

    def close(self) -> None:
        """Beat no more."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s):
            with self._lock:
                trials = tuple(self._trials)
            for trial_id in trials:
                try:
                    self._beat(trial_id)
                except Exception:  # a database that is away for a moment: the next beat tries again
                    LOG.warning("no heartbeat for a trial", exc_info=True)
