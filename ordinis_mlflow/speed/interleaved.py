"""Interleaved: candidate and default run in turn, round by round."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.speed.load import Load, Step
from ordinis_mlflow.speed.ratio import LEAST, Ratio
from ordinis_mlflow.telemetry.latency import LatencyRecorder

Windows: TypeAlias = npt.NDArray[np.float64]
Run: TypeAlias = Callable[[Windows, bool], object]
"""Windows, and whether in one piece on the calling thread, as ``SignalModel.run`` takes them."""
TAIL = 99.0
PAUSE_S, RESTING = 0.005, 0.2
"""A process rests that uses less than this part of one core for so long."""


@dataclass(eq=False)
class Timed:
    """What runs of one size took.

    Attributes:
        step: which runs.
        recorder: of every run.
        seconds: mean of a run, one a round.
        tails: p99 of the runs, one a round.
    """

    step: Step
    recorder: LatencyRecorder = field(default_factory=LatencyRecorder)
    seconds: list[float] = field(default_factory=list)
    tails: list[float] = field(default_factory=list)

    @property
    def windows_per_s(self) -> float:
        """Throughput: median over the rounds."""
        return self.step.windows / float(np.median(self.seconds))

    def add(self, durations: npt.NDArray[np.float64]) -> None:
        """The runs of one round, in seconds."""
        for seconds in durations:
            self.recorder.record(float(seconds))
        self.seconds.append(float(durations.mean()))
        self.tails.append(float(np.percentile(durations, TAIL, method="inverted_cdf")))


class Interleaved:
    """Rounds of a candidate and a default, A B, then B A, and so on.

    Each run is warmed up before its step, so that neither pays for what the other left in the
    caches. The garbage collector rests during a round.

    Args:
        load: of a round.
        windows: that the model accepts, shape (n, lookback, 5); repeated where a run wants more.

    Raises:
        InvalidConfig: there are no windows.
    """

    def __init__(self, load: Load, windows: Windows) -> None:
        if not len(windows):
            raise InvalidConfig("there are no windows to run: give one at least")
        self._load, self.rounds = load, 0
        self._windows = {
            step.windows: np.resize(windows, (step.windows, *windows.shape[1:]))
            for step in load.steps
        }
        self.candidate = {step.windows: Timed(step) for step in load.steps}
        self.default = {step.windows: Timed(step) for step in load.steps}

    def round(self, candidate: Run, default: Run) -> None:
        """One more; which of the two comes first changes from round to round."""
        sides = [(candidate, self.candidate), (default, self.default)]
        durations = []
        with _undisturbed():
            for step in self._load.steps:
                for run, timed in sides if self.rounds % 2 == 0 else reversed(sides):
                    durations.append((timed[step.windows], self._durations(run, step)))
        for timed_step, found in durations:  # after the clock: a round counts whole or not at all
            timed_step.add(found)
        self.rounds += 1

    def gain(self, windows: int) -> Ratio:
        """Throughput of the candidate over that of the default, at a size of the load.

        Raises:
            InvalidTelemetry: there were fewer than five rounds.
        """
        return Ratio.of(self.default[windows].seconds, self.candidate[windows].seconds)

    def tail(self, windows: int) -> Ratio:
        """p99 of the candidate over that of the default, at a size of the load.

        Raises:
            InvalidTelemetry: there were fewer than five rounds.
        """
        return Ratio.of(self.candidate[windows].tails, self.default[windows].tails)

    def _durations(self, run: Run, step: Step) -> npt.NDArray[np.float64]:
        windows, found = self._windows[step.windows], np.empty(step.calls)
        _settle(self._load.settle_s)
        run(windows, step.whole)
        for call in range(step.calls):
            start = time.perf_counter()
            run(windows, step.whole)
            found[call] = time.perf_counter() - start
        return found


def interleave(
    candidate: Run, default: Run, windows: Windows, seconds: float, load: Load | None = None
) -> Interleaved:
    """As many rounds as begin within some seconds, and no fewer than a ratio needs.

    Args:
        candidate: runs windows in one way.
        default: runs them in another.
        windows: that both accept, shape (n, lookback, 5).
        seconds: of measuring.
        load: of a round; what a server asks for by default.
    """
    measured, end = Interleaved(load or Load(), windows), time.monotonic() + seconds
    while measured.rounds < LEAST or time.monotonic() < end:
        measured.round(candidate, default)
    return measured


def _settle(longest_s: float) -> None:
    """Wait until no thread of this process is busy."""
    end = time.perf_counter() + longest_s
    while time.perf_counter() < end:
        before = time.process_time()
        time.sleep(PAUSE_S)
        if time.process_time() - before < RESTING * PAUSE_S:
            return


@contextmanager
def _undisturbed() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
