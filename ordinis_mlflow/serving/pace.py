"""Pace: how long a run of a model takes on this machine, measured before it serves."""

import statistics
import time
from dataclasses import dataclass

import numpy as np

from ordinis_mlflow.flavor import SignalModel

SMALL, LARGE, ROUNDS = 1, 16, 9


@dataclass(frozen=True)
class Pace:
    """Seconds of a run in one piece: ``base + windows · each``.

    Attributes:
        base: seconds of a run, however small.
        each: seconds more a window.
    """

    base: float
    each: float

    def seconds(self, windows: int) -> float:
        """How long a run of so many windows is expected to take."""
        return self.base + windows * self.each

    @classmethod
    def measure(cls, model: SignalModel, bars: np.ndarray) -> "Pace":
        """Run it a few times, which also warms it up.

        Args:
            model: to be served.
            bars: windows that it accepts, such as its probe's, shape (n, lookback, 5).
        """
        small, large = (
            _median_seconds(model, np.resize(bars, (n, *bars.shape[1:]))) for n in (SMALL, LARGE)
        )
        each = max(large - small, 0.0) / (LARGE - SMALL)
        return cls(max(small - each, 0.0), each)


def _median_seconds(model: SignalModel, windows: np.ndarray) -> float:
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        model.run(windows, whole=True)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)
