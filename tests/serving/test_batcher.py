"""Batcher: windows of concurrent requests are joined, and each gets its own rows back."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ordinis_mlflow.errors import DeadlinePassed, QueueFull
from ordinis_mlflow.serving.batching import Batcher
from ordinis_mlflow.serving.pace import Pace
from ordinis_mlflow.serving.settings import Batching
from ordinis_mlflow.signal import Signal
from ordinis_mlflow.telemetry import ServingMetrics

LATER = 60.0
QUICK = Pace(1e-6, 1e-6)


class Model:
    """Answers each window with its first number; remembers how it was run."""

    def __init__(self, pause=0.0):
        self.runs, self.pause = [], pause

    def run(self, windows, whole):
        self.runs.append(len(windows))
        time.sleep(self.pause)
        first = windows[:, 0, 0]
        if np.isnan(first).any():
            raise FloatingPointError("a window that breaks the model")
        return Signal(first, first + 1, first, np.zeros(len(first), np.int64), first)


def batcher(model, pace=QUICK, **settings):
    return Batcher(model.run, pace, Batching(**settings), ThreadPoolExecutor(1), ServingMetrics())


def windows(*numbers):
    return np.array(numbers, dtype=float).reshape(-1, 1, 1) * np.ones((1, 3, 5))


def gather(queue, requests):
    async def ask():
        deadline = time.perf_counter() + LATER
        futures = [queue.submit(windows(*each), deadline) for each in requests]
        return await asyncio.gather(*futures, return_exceptions=True)

    return asyncio.run(ask())


def test_requests_of_one_turn_share_a_run_and_get_their_own_rows():
    model = Model()
    answers = gather(batcher(model), [[1.0], [2.0, 3.0], [4.0]])
    assert model.runs == [4]
    assert [list(each.mean) for each in answers] == [[1.0], [2.0, 3.0], [4.0]]


def test_a_run_is_not_larger_than_it_may_be():
    model = Model()
    gather(batcher(model, batch_windows=3), [[float(i)] for i in range(8)])
    assert model.runs == [3, 3, 2]


def test_the_budget_makes_runs_smaller():
    model = Model()
    slow = Pace(0.001, 0.001)
    gather(batcher(model, slow, budget_seconds=0.005), [[float(i)] for i in range(8)])
    assert model.runs == [4, 4]


def test_a_request_that_is_larger_runs_by_itself():
    model = Model()
    answers = gather(batcher(model, batch_windows=2), [[1.0], list(range(5)), [2.0]])
    assert sorted(model.runs) == [2, 5]
    assert list(answers[1].mean) == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_windows_that_break_the_model_fail_their_own_request_alone():
    first, second, third = gather(batcher(Model()), [[1.0], [np.nan], [3.0]])
    assert list(first.mean) == [1.0]
    assert list(third.mean) == [3.0]
    assert isinstance(second, FloatingPointError)


def test_a_full_queue_refuses():
    async def ask():
        queue = batcher(Model(), queue_windows=2)
        queue.submit(windows(1.0, 2.0), time.perf_counter() + LATER)
        with pytest.raises(QueueFull, match="2 windows wait"):
            queue.submit(windows(3.0), time.perf_counter() + LATER)

    asyncio.run(ask())


def test_what_is_late_is_not_run():
    async def ask():
        model = Model()
        queue = batcher(model)
        late = queue.submit(windows(1.0), time.perf_counter() - 1.0)
        good = queue.submit(windows(2.0), time.perf_counter() + LATER)
        assert list((await good).mean) == [2.0]
        with pytest.raises(DeadlinePassed):
            await late
        assert model.runs == [1]
        assert queue.waiting == 0

    asyncio.run(ask())


def test_slow_runs_do_not_hold_up_the_event_loop():
    async def ask():
        model = Model(pause=0.2)
        queue = batcher(model, Pace(0.2, 0.0), budget_seconds=1.0)
        future = queue.submit(windows(1.0), time.perf_counter() + LATER)
        await asyncio.sleep(0.02)
        assert not future.done()
        assert list((await future).mean) == [1.0]

    asyncio.run(ask())
