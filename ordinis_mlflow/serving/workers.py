"""Workers: several processes that share a port; one that dies is replaced.

All accept from one socket, so that a connection is taken by a worker that has time, and none is
lost with a worker before it is accepted. Each has its own model; together they count in one place.
"""

import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from ordinis_mlflow.errors import OrdinisError, ServingError
from ordinis_mlflow.serving.app import STOP_SECONDS
from ordinis_mlflow.serving.listening import Listening
from ordinis_mlflow.serving.process import create
from ordinis_mlflow.serving.running import ENDING, run
from ordinis_mlflow.serving.settings import ServingSettings
from ordinis_mlflow.telemetry import multiprocess_directory

_logger = logging.getLogger(__name__)
_spawn = multiprocessing.get_context("spawn")
LOOK_SECONDS = 0.1
REPLACE_SECONDS = 2.0
"""A worker that dies sooner after its start is not replaced before: a flaw is no busy loop."""


@dataclass
class Worker:
    """One of them.

    Attributes:
        process: of its own.
        told: is sent "" when it answers requests, or else why it does not.
        started: when, by ``time.monotonic()``.
    """

    process: SpawnProcess
    told: Connection
    started: float

    def news(self) -> str | None:
        """What it has said by now; None for nothing."""
        try:
            said: str | None = self.told.recv() if self.told.poll() else None
        except (EOFError, OSError):
            said = None
        return said


class Workers:
    """Runs workers until told to stop; told twice, it ends them at once.

    Args:
        settings: of each.
        listening: how they are reached.
        bound: the socket to listen on.
    """

    def __init__(self, settings: ServingSettings, listening: Listening, bound: socket.socket):
        self._settings, self._listening, self._bound = settings, listening, bound
        self._workers: list[Worker] = []
        self._stop, self._at_once = threading.Event(), threading.Event()

    def run(self, ready: Callable[[], None]) -> None:
        """From the first worker's start to the last one's end.

        Args:
            ready: is called when all answer requests.

        Raises:
            ServingError: a worker did not start, for the reason given, or did not end.
        """
        with self._told(), multiprocess_directory():
            try:
                self._workers = [self._start() for _ in range(self._listening.workers)]
                if self._all_ready():
                    ready()
                while not self._stop.wait(LOOK_SECONDS):
                    self._replace_dead()
            finally:
                self._end()

    @contextmanager
    def _told(self) -> Iterator[None]:
        def handle(number: int, frame: object) -> None:
            (self._at_once if self._stop.is_set() else self._stop).set()

        before = {each: signal.signal(each, handle) for each in ENDING}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _start(self) -> Worker:
        told, teller = _spawn.Pipe(duplex=False)
        process = _spawn.Process(
            target=_work,
            args=(self._settings, self._listening, self._bound, teller),
            daemon=True,
        )
        resource_tracker.ensure_running()  # whose start lets through again what is blocked here
        # Ctrl-C reaches the whole group; a worker is told by its parent alone. It inherits this.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        teller.close()
        return Worker(process, told, time.monotonic())

    def _all_ready(self) -> bool:
        """Whether all are, before it is told to stop."""
        waiting = list(self._workers)
        while waiting and not self._stop.wait(LOOK_SECONDS):
            for worker in list(waiting):
                alive, news = worker.process.is_alive(), worker.news()
                if news == "":
                    waiting.remove(worker)
                elif news or not alive:
                    raise ServingError(news or f"a worker {_ended(worker)} before it was ready")
        return not waiting

    def _replace_dead(self) -> None:
        for n, worker in enumerate(self._workers):
            young = time.monotonic() - worker.started < REPLACE_SECONDS
            if worker.process.is_alive() or young:
                continue
            _logger.error("a worker %s and is replaced: %s", _ended(worker), worker.news() or "")
            worker.told.close()
            self._workers[n] = self._start()

    def _end(self) -> None:
        """Ask all to end; end those that do not."""
        self._bound.close()  # who connects now is refused, instead of waiting for nobody
        for worker in self._workers:
            worker.process.terminate()
        deadline = time.monotonic() + self._listening.drain_seconds + STOP_SECONDS
        while self._alive() and time.monotonic() < deadline:
            if self._at_once.wait(LOOK_SECONDS):
                break
        left = self._alive()
        for worker in left:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
        if left:
            raise ServingError(f"{len(left)} workers were ended before they had finished")

    def _alive(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.process.is_alive()]


def _ended(worker: Worker) -> str:
    return f"(process {worker.process.pid}) ended with status {worker.process.exitcode}"


def _work(
    settings: ServingSettings, listening: Listening, bound: socket.socket, told: Connection
) -> None:
    """One worker, from its start to its end."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        app = create(settings)
        run(app, listening, bound, lambda: told.send(""), (signal.SIGTERM,), signal.SIG_IGN)
    except (OrdinisError, FileNotFoundError) as error:
        told.send(str(error))
        sys.exit(1)


def _end_with_parent() -> None:
    """A parent that was killed cannot tell its workers, and they would keep the port for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
