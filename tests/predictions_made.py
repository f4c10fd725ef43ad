"""Predictions as tests of the prediction log make them, and who counts its rows."""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from ordinis_mlflow.prediction_log import PredictionLogSettings, Predictions, Source
from ordinis_mlflow.signal import Signal

NOON = 1_700_049_600 * 10**9  # 2023-11-15 12:00 UTC
PATIENCE_SECONDS = 60


class Tally:
    """Counts what a log says."""

    def __init__(self):
        self.rows, self.losses, self.pending = 0, Counter(), 0

    def logged(self, rows):
        self.rows += rows

    def log_lost(self, rows, reason):
        self.losses[reason] += rows

    def log_pending(self, rows):
        self.pending = rows


def source(arm="champion", model="sp500", version="1"):
    return Source(arm, model, version, "technical@1", "ab" * 32, 5, 6)


def signal(n, seed=0):
    rng = np.random.default_rng(seed)
    mean, scale, up, strength = rng.random((4, n), dtype=np.float32)
    return Signal(mean, scale, up, rng.integers(-1, 2, n), strength)


def predictions(request_id, n=1, lookback=3, at=NOON, seed=0, **more):
    """Of n windows; ``windows=None`` for none of them, ``source=`` for another than the usual."""
    if "windows" not in more:
        more["windows"] = np.random.default_rng(seed).random((n, lookback, 5))
    who = more.pop("source", source())
    return Predictions(who, request_id, at, signal(n, seed), **more)


def keeping(folder, **more):
    """Settings of a log that writes when it is told to stop, and not before."""
    return PredictionLogSettings(log_folder=str(folder), **{"log_flush_seconds": 3600.0, **more})


def until(condition):
    """Wait for something that has to happen."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def python(code, *arguments):
    """Another process that knows this module."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended_well(process):
    said, wrong = process.communicate(timeout=2 * PATIENCE_SECONDS)
    assert process.returncode == 0, wrong
    return said
