"""Batcher: windows of concurrent requests share one run of the graph; none waits when it is idle.

Requests that the event loop has read in one turn are joined: they were there at the same time. A
request that comes alone runs alone, at once. Nothing is ever held back to wait for company.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import DeadlinePassed, QueueFull
from ordinis_mlflow.serving.pace import Pace
from ordinis_mlflow.serving.settings import Batching
from ordinis_mlflow.signal import Signal
from ordinis_mlflow.telemetry import ServingMetrics

Windows = npt.NDArray[np.float64]


@dataclass(slots=True, eq=False)
class Job:
    """Windows of one request that wait for their signal.

    Attributes:
        windows: shape (n, lookback, 5).
        deadline: of ``time.perf_counter()``.
        future: of their Signal.
        since: when they began to wait.
    """

    windows: Windows
    deadline: float
    future: "asyncio.Future[Signal]"
    since: float = field(default_factory=time.perf_counter)


@dataclass(slots=True, eq=False)
class Done:
    """One run: of which jobs, their signal or what was raised, and how many seconds it took."""

    jobs: list[Job]
    outcome: Signal | Exception
    seconds: float


class Batcher:
    """One model's queue. Used from the event loop's thread alone.

    Requests of up to ``batch_windows`` windows are joined; a larger one runs by itself on another
    thread, and small ones do not wait for it.

    Args:
        run: windows, and whether in one piece on the calling thread, to their signal.
        pace: of ``run`` in one piece.
        settings: how much is joined and how much may wait.
        executor: for runs that would hold up the event loop.
        metrics: are told of each run.
    """

    def __init__(
        self,
        run: Callable[[Windows, bool], Signal],
        pace: Pace,
        settings: Batching,
        executor: Executor,
        metrics: ServingMetrics,
    ) -> None:
        self._run, self._pace, self._settings = run, pace, settings
        self._executor, self._metrics = executor, metrics
        self._small, self._large = deque[Job](), deque[Job]()
        self._small_next = self._large_next = False
        self._most = self._joined_windows()
        self.waiting = 0
        """Windows that wait."""

    def submit(self, windows: Windows, deadline: float) -> "asyncio.Future[Signal]":
        """Let windows wait for their turn, which comes in this turn of the event loop if it can.

        Args:
            windows: shape (n, lookback, 5), checked.
            deadline: of ``time.perf_counter()``; what has not begun by then is not run.

        Returns:
            A future of the signal; DeadlinePassed, or what the model raised.

        Raises:
            QueueFull: too many windows wait.
        """
        if self.waiting + len(windows) > self._settings.queue_windows:
            raise QueueFull(
                f"{self.waiting} windows wait for the model, and {len(windows)} more would be "
                f"above {self._settings.queue_windows}: try again later"
            )
        loop = asyncio.get_running_loop()
        job = Job(windows, deadline, loop.create_future())
        self.waiting += len(windows)
        if len(windows) <= self._settings.batch_windows:
            self._small.append(job)
            if not self._small_next:
                self._small_next = True
                loop.call_soon(self._gather, loop)
        else:
            self._large.append(job)
            if not self._large_next:
                self._large_next = True
                self._run_large(loop)
        return job.future

    def is_prompt(self, windows: int) -> bool:
        """Whether so many are run on the event loop's thread: nobody needs a timer to wait so."""
        return windows <= self._settings.batch_windows and self._is_inline(self._most)

    def _is_inline(self, windows: int) -> bool:
        return self._pace.seconds(windows) <= self._settings.inline_seconds

    def _joined_windows(self) -> int:
        """Most windows of a joined run: what may be, and what the budget allows."""
        spare = self._settings.budget_seconds - self._pace.base
        allowed = spare / self._pace.each if self._pace.each > 0 else float("inf")
        return int(min(self._settings.batch_windows, max(1.0, allowed)))

    def _gather(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give the loop a turn to read what has come meanwhile: larger runs cost less a window."""
        loop.call_soon(self._run_small, loop)

    def _run_small(self, loop: asyncio.AbstractEventLoop) -> None:
        jobs = self._take(self._small, self._most)
        if not jobs:
            self._small_next = False
        elif self._is_inline(_count(jobs)):
            self._deliver(self._work(jobs, True))
            self._small_next = bool(self._small)
            if self._small_next:
                loop.call_soon(self._gather, loop)
        else:
            self._elsewhere(loop, jobs, True, self._run_small)

    def _run_large(self, loop: asyncio.AbstractEventLoop) -> None:
        jobs = self._take(self._large, 1)
        self._large_next = bool(jobs)
        if jobs:
            self._elsewhere(loop, jobs, False, self._run_large)

    def _elsewhere(
        self,
        loop: asyncio.AbstractEventLoop,
        jobs: list[Job],
        whole: bool,
        then: Callable[[asyncio.AbstractEventLoop], None],
    ) -> None:
        def work() -> None:
            done = self._work(jobs, whole)
            loop.call_soon_threadsafe(finish, done)

        def finish(done: list[Done]) -> None:
            self._deliver(done)
            then(loop)

        self._executor.submit(work)

    def _take(self, queue: deque[Job], most: int) -> list[Job]:
        """The next jobs, up to so many windows, but one at least; late ones are told so."""
        now, windows = time.perf_counter(), 0
        taken: list[Job] = []
        while queue and (not taken or windows + len(queue[0].windows) <= most):
            job = queue.popleft()
            self.waiting -= len(job.windows)
            if job.future.done():  # its client has gone
                continue
            if job.deadline < now:
                _fail(job, DeadlinePassed(f"no time for it within {now - job.since:.3f} s"))
                continue
            self._metrics.queued(now - job.since)
            taken.append(job)
            windows += len(job.windows)
        return taken

    def _work(self, jobs: list[Job], whole: bool) -> list[Done]:
        """Run them joined; where that fails, each by itself: none answers for another's windows."""
        start = time.perf_counter()
        windows = [job.windows for job in jobs]
        outcome: Signal | Exception
        try:
            outcome = self._run(windows[0] if len(jobs) == 1 else np.concatenate(windows), whole)
        except Exception as error:  # is raised where the signal is awaited
            if len(jobs) > 1:
                return [done for job in jobs for done in self._work([job], whole)]
            outcome = error
        return [Done(jobs, outcome, time.perf_counter() - start)]

    def _deliver(self, done: list[Done]) -> None:
        """To each job its own rows."""
        for run in done:
            if isinstance(run.outcome, Exception):
                _fail(run.jobs[0], run.outcome)
                continue
            self._metrics.ran(len(run.outcome), run.seconds)
            first = 0
            for job in run.jobs:
                last = first + len(job.windows)
                if not job.future.done():
                    own = run.outcome if len(run.jobs) == 1 else run.outcome.rows(first, last)
                    job.future.set_result(own)
                first = last


def _fail(job: Job, error: Exception) -> None:
    if not job.future.done():
        job.future.set_exception(error)


def _count(jobs: list[Job]) -> int:
    return sum(len(job.windows) for job in jobs)
