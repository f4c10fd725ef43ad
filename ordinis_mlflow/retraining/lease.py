"""Lease: what is under way is one worker's, for as long as it lives and is not done."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self
from uuid import uuid4

import sqlalchemy as sa

from ordinis_mlflow.errors import LoopOvertaken
from ordinis_mlflow.retraining.desk import Desk, Kept
from ordinis_mlflow.retraining.machine import Step
from ordinis_mlflow.retraining.state import LoopState

SECONDS = 120.0
"""Machines whose clocks differ by more than this take each other for dead."""
PROLONGED = 4
"""How often a lease is prolonged in its time: three attempts may fail."""

_logger = logging.getLogger(__name__)


class Lease:
    """Take what is under way, prolong it in a thread, and end by writing what came of it.

    Monitors may note what they see meanwhile: the lease stays, and what is written goes on from
    their note. Left without a result, it is given back, so that the next worker need not wait.

    Attributes:
        state: as it was when it was taken.

    Args:
        desk: where the loop is kept.
        kept: as it was read; what is under way in it is taken.
        seconds: after which a worker that gave no sign of life counts as dead.

    Raises:
        LoopOvertaken: another worker has it, or it is no longer under way.
    """

    def __init__(self, desk: Desk, kept: Kept, seconds: float = SECONDS) -> None:
        self._desk, self._model, self._work = desk, kept.model, kept.state.work
        self._seconds = seconds
        self._worker = f"{socket.gethostname()[:64]}:{os.getpid()}:{uuid4().hex}"
        self._turn = threading.Lock()
        self._over = threading.Event()
        self._lost = threading.Event()
        self._kept: Kept | None = None
        self._kept = self._claim(seconds)
        self.state = self._kept.state

    @property
    def lost(self) -> bool:
        """Whether somebody else has, or may have, taken it: what is done is done in vain."""
        return self._lost.is_set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._prolong, name="retraining-lease", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._turn:
            if self._over.is_set():
                return
            self._over.set()
            try:
                self._claim(0.0)
            except (LoopOvertaken, sa.exc.SQLAlchemyError) as failure:
                _logger.info("the lease was not given back: %s", failure)

    def check(self) -> None:
        """Whether it is still this worker's; it is prolonged.

        Raises:
            LoopOvertaken: it is not.
        """
        with self._turn:
            self._kept = self._claim(self._seconds)

    def write(self, result: Callable[[LoopState], Step]) -> Kept:
        """End with a result, on top of what monitors have noted.

        Args:
            result: from the newest state to the next.

        Raises:
            LoopOvertaken: it is no longer this worker's; nothing was written.
        """
        with self._turn:
            while True:
                kept = self._claim(self._seconds)
                try:
                    done = self._desk.write(kept, result(kept.state), time.time_ns())
                except LoopOvertaken:
                    continue  # a monitor was faster; what it noted is read next
                self._over.set()
                return done

    def _claim(self, seconds: float) -> Kept:
        """Of two who change the loop at once one has to look again; another worker ends it."""
        while True:
            now, kept = time.time_ns(), self._desk.read(self._model)
            if self._work is None or kept.state.work != self._work:
                raise LoopOvertaken(f"of {self._model} nothing is under way, or something else")
            if self._kept and kept.worker != self._worker:
                raise LoopOvertaken(f"{kept.worker} took over what was under way of {self._model}")
            if kept.worker not in ("", self._worker) and now < kept.lease_until:
                self._desk.claim(kept, self._worker, now, 0)  # raises, and says for how long
            try:
                return self._desk.claim(kept, self._worker, now, int(seconds * 1e9))
            except LoopOvertaken:
                continue

    def _prolong(self) -> None:
        while not self._over.wait(self._seconds / PROLONGED):
            try:
                with self._turn:
                    if not self._over.is_set():
                        self._kept = self._claim(self._seconds)
            except LoopOvertaken:
                self._lost.set()
                return
            except sa.exc.SQLAlchemyError as error:
                _logger.warning("the lease was not prolonged: %s", error)
                if self._kept and time.time_ns() >= self._kept.lease_until:
                    self._lost.set()
