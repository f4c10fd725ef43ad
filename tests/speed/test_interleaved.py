"""Interleaving: who is run when, and that a machine that slows down slows both."""

import gc
import threading
import time

import numpy as np
import pytest
from still_clock import Clock

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.speed import Interleaved, Load, Step, interleave, interleaved

LOAD = Load((Step(1, 3, whole=True), Step(4, 2)), settle_s=0.0)
WINDOWS = np.arange(30.0).reshape(2, 3, 5)


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    made.slow = 1.0
    monkeypatch.setattr(interleaved, "time", made)
    return made


def taking(clock, seconds, calls=None, name=""):
    def run(windows, whole):
        clock.now += clock.slow * seconds * len(windows)
        if calls is not None:
            calls.append((name, len(windows), whole))

    return run


def test_in_turn_and_the_other_way_round_in_the_next_round(clock):
    calls = []
    measured = Interleaved(LOAD, WINDOWS)
    pair = taking(clock, 1, calls, "A"), taking(clock, 1, calls, "B")
    measured.round(*pair)
    one, four = (1, True), (4, False)
    there = [("A", *one)] * 4 + [("B", *one)] * 4 + [("A", *four)] * 3 + [("B", *four)] * 3
    assert calls == there
    calls.clear()
    measured.round(*pair)
    assert [name for name, *_ in calls] == ["B"] * 4 + ["A"] * 4 + ["B"] * 3 + ["A"] * 3


def test_a_machine_that_slows_down_does_not_decide(clock):
    measured = Interleaved(LOAD, WINDOWS)
    for number in range(9):
        clock.slow = 1.0 + number**2
        measured.round(taking(clock, 0.5e-3), taking(clock, 1e-3))
    for size in (1, 4):
        gain, tail = measured.gain(size), measured.tail(size)
        assert (gain.value, gain.low, gain.high) == pytest.approx((2.0, 2.0, 2.0))
        assert tail.value == pytest.approx(0.5)
        assert gain.above
        assert tail.below
    timed = measured.default[4]
    assert timed.recorder.count == 9 * 2
    assert timed.windows_per_s == pytest.approx(1 / (1e-3 * 17))


def test_a_step_begins_when_the_process_rests():
    stop = threading.Event()

    def spin():
        while not stop.is_set():
            sum(range(1000))

    busy = threading.Thread(target=spin)
    busy.start()
    threading.Timer(0.1, stop.set).start()
    start = time.perf_counter()
    interleaved._settle(10.0)
    assert 0.09 <= time.perf_counter() - start < 5.0
    assert not busy.is_alive()


def test_a_step_waits_for_no_rest_for_ever(clock):
    clock.process_time = clock.perf_counter = lambda: clock.now
    interleaved._settle(1.0)
    assert 1.0 <= clock.now < 1.1


def test_windows_are_repeated_and_warm_up_runs_are_not_counted(clock):
    seen = []
    measured = Interleaved(Load((Step(5, 2),), 0.0), WINDOWS)
    measured.round(lambda windows, whole: seen.append(windows), taking(clock, 1))
    assert len(seen) == 3
    np.testing.assert_array_equal(seen[0], WINDOWS[[0, 1, 0, 1, 0]])
    assert measured.candidate[5].recorder.count == 2


def test_a_round_that_fails_counts_for_nothing_and_the_collector_works_again(clock):
    measured = Interleaved(LOAD, WINDOWS)

    def fails(windows, whole):
        assert not gc.isenabled()
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        measured.round(taking(clock, 1), fails)
    assert gc.isenabled()
    assert measured.rounds == 0
    assert measured.candidate[1].recorder.count == 0


@pytest.mark.parametrize(("seconds", "rounds"), [(0.0, 5), (100.0, 10), (101.0, 11)])
def test_as_many_rounds_as_begin_in_time_and_enough_for_a_ratio(clock, seconds, rounds):
    load = Load((Step(1, 4),), settle_s=0.0)  # with the warm-up runs ten seconds
    measured = interleave(taking(clock, 1), taking(clock, 1), WINDOWS, seconds, load)
    assert measured.rounds == rounds
    assert measured.gain(1).value == 1.0


@pytest.mark.parametrize(
    "make",
    [lambda: Load(()), lambda: Load((Step(1, 1), Step(1, 2))), lambda: Load(settle_s=-1.0),
     lambda: Load(settle_s=float("nan")), lambda: Step(0, 1), lambda: Step(1, 0),
     lambda: Interleaved(LOAD, WINDOWS[:0])],
)  # fmt: skip
def test_what_is_no_load_is_refused(make):
    with pytest.raises(InvalidConfig, match=r", got|give one"):
        make()
