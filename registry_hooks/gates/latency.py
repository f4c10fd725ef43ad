"""Gate: one signal is computed within its budget, measured against fixed work on this server."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.graph.session import PROVIDERS
from ordinis_mlflow.promotion import Candidate
from ordinis_mlflow.verdict import Verdict

ROUNDS = 3
"""The best of so many counts: another process may disturb one, a slow model is slow in all."""
WARM_UP = 20
STEPS, WIDTH = 60, 64


@dataclass(frozen=True)
class LatencyGate:
    """The 99th percentile of one-window predictions, as a multiple of that of a fixed workload.

    The workload is NumPy arithmetic of a small LSTM's shape: 60 times a vector of 64 float64 with a
    64 × 64 matrix and a tanh, about 0.1 ms. Calls of both take turns, so that a slow machine slows
    both and decides nothing. On a CPU the time is that of the calling thread, in which a single
    window is computed: what the server does besides does not count.

    Attributes:
        multiple: largest ratio of the two percentiles.
        calls: of each, a round.
    """

    name: ClassVar[str] = "latency"
    multiple: float = 20.0
    calls: int = 300

    def __post_init__(self) -> None:
        if not (0.0 < self.multiple < math.inf and 100 <= self.calls <= 10_000):
            raise InvalidConfig(
                "multiple must be above 0 and calls from 100 to 10000, got "
                f"{self.multiple} and {self.calls}"
            )

    def check(self, candidate: Candidate) -> Verdict:
        """The figure is the ratio."""
        model, window = candidate.model, candidate.windows[-1:]
        work = workload()
        clock = time.thread_time if model.provider == PROVIDERS["cpu"] else time.perf_counter
        rounds = [
            timed(lambda: model.predict(window), work, self.calls, clock) for _ in range(ROUNDS)
        ]
        ratio, predict_ms, work_ms = min((p / w, p, w) for p, w in rounds)
        reason = (
            f"99 of 100 single signals take at most {predict_ms:.3f} ms, {ratio:.1f} times the "
            f"{work_ms:.3f} ms of the fixed workload in the same moments, best of {ROUNDS} rounds "
            f"of {self.calls}"
        )
        return Verdict(self.name, ratio <= self.multiple, ratio, self.multiple, reason)


def workload() -> Callable[[], npt.NDArray[np.float64]]:
    """The fixed work, which no policy and no model changes."""
    rng = np.random.default_rng(0)
    matrix, start = rng.normal(0.0, WIDTH**-0.5, (WIDTH, WIDTH)), rng.normal(size=WIDTH)

    def run() -> npt.NDArray[np.float64]:
        state = start
        for _ in range(STEPS):
            state = np.tanh(matrix @ state)
        return state

    return run


def timed(
    one: Callable[[], object],
    other: Callable[[], object],
    calls: int,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[float, float]:
    """99th percentile of each in milliseconds, called in turn."""
    for _ in range(WARM_UP):
        one(), other()
    spent = np.empty((calls, 2))
    for row in spent:
        begin = clock()
        one()
        between = clock()
        other()
        row[:] = between - begin, clock() - between
    first, second = 1e3 * np.percentile(spent, 99.0, axis=0)
    return float(first), float(second)
