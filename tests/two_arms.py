"""Champion and challenger as tests of shadow and split make them: who answers can be read off."""

import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pandas as pd

from ordinis_mlflow.serving.arms import Asked, Served
from ordinis_mlflow.serving.batching import Batcher
from ordinis_mlflow.serving.pace import Pace
from ordinis_mlflow.serving.settings import Batching
from ordinis_mlflow.signal import Signal
from ordinis_mlflow.telemetry import ServingMetrics

LOOKBACK = 4


class Oracle:
    """Says a window's first number as the mean, its own number as the scale, the length as p."""

    def __init__(self, number, lookback=LOOKBACK, horizon=1, spacing="1D"):
        self.number, self.runs, self.fails, self.pause = number, [], None, 0.0
        self.contract = SimpleNamespace(
            lookback=lookback,
            horizon=horizon,
            bar_spacing=pd.Timedelta(spacing),
            fitted_last="2020-01-01T00:00:00+00:00",
        )

    def run(self, windows, whole=False):
        self.runs.append(windows.copy())
        time.sleep(self.pause)
        if self.fails is not None:
            raise self.fails
        mean, n = windows[:, -1, 0].astype(np.float32), len(windows)
        scale = np.full(n, self.number, np.float32)
        up = np.full(n, windows.shape[1], np.float32)
        return Signal(mean, scale, up, np.sign(mean).astype(np.int64), np.zeros(n, np.float32))


def served(arm, model, version="1", metrics=None, **batching):
    """A version with a queue, as the loader makes it."""
    queue = Batcher(
        model.run,
        Pace(1e-6, 1e-6),
        Batching(**batching),
        ThreadPoolExecutor(1),
        metrics or ServingMetrics(),
    )
    return Served(arm, "oracle", version, model, queue)


def asked(numbers, symbols=None, lookback=LOOKBACK):
    """A window a number; all its bars are that number."""
    windows = np.ones((len(numbers), lookback, 5)) * np.reshape(numbers, (-1, 1, 1))
    times = None if symbols is None else np.arange(len(numbers))
    return Asked(windows, symbols, times)


def counts(metrics, name):
    """Label values of a counter to its value."""
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in metrics.exposed.collect()
        for sample in family.samples
        if sample.name == name
    }
