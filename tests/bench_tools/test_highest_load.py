"""The highest sustained load of a server whose capacity is known."""

import numpy as np
import pytest
from stalling import StallingServer

from bench.load.highest import highest_sustained, sustained
from bench.load.open import OpenLoop, open_loop
from bench.load.post import Post
from bench.load.schedule import constant
from ordinis_mlflow.errors import ServingError


def queue_of(capacity, seconds=2.0):
    """A trial by arithmetic: one server with a fixed service time (Lindley's recursion)."""

    def trial(rate):
        due = constant(rate, seconds)
        free, latencies = 0.0, []
        for at in due:
            free = max(free, at) + 1 / capacity
            latencies.append(free - at)
        return OpenLoop(due, np.array(latencies), np.full(len(due), 200))

    return trial


@pytest.mark.parametrize("start", [50, 700, 1000, 5000])
def test_it_is_found_from_below_and_from_above(start):
    found = highest_sustained(queue_of(1000), start)
    # At 2.6 % above capacity the queue of 2 s reaches the limit of 50 ms.
    assert 1000 / 1.05 <= found <= 1000 * 1.03


def test_a_real_server_sustains_less_than_its_service_time_allows():
    with StallingServer(each_s=0.01) as server:
        post = Post(server.port, "/", b"{}")
        found = highest_sustained(lambda rate: open_loop(post, constant(rate, 0.4)), 60, step=1.3)
    assert found <= 1.15 / 0.01


def test_a_bad_moment_is_forgiven_and_a_refusal_is_not_sustained():
    steady, calls = queue_of(1000), []

    def disturbed(rate):
        calls.append(rate)
        load = steady(rate)
        if len(calls) % 2:
            load.statuses[0] = 503
        return load

    assert highest_sustained(disturbed, 700) == highest_sustained(steady, 700)
    assert not sustained(disturbed(1), 1.0)


def test_a_server_that_sustains_nothing_is_an_error():
    with pytest.raises(ServingError, match="does not sustain"):
        highest_sustained(queue_of(0.5, seconds=10), 100)
