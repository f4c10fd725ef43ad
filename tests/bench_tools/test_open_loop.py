"""The open loop pays for a stall with every request that was due in it; a closed one does not."""

import numpy as np
import pytest
from stalling import StallingServer

from bench.load.open import open_loop
from bench.load.post import Post
from bench.load.schedule import constant, poisson
from bench.load.single import one_connection
from ordinis_mlflow.errors import InvalidConfig, ServingError

RATE, SECONDS, STALL_S = 200.0, 1.5, 0.4
COUNT = int(RATE * SECONDS)


def post(server, body=b"{}"):
    return Post(server.port, "/", body)


@pytest.mark.parametrize("make", [constant, poisson])
def test_the_open_loop_sees_a_stall_in_p99_and_the_closed_loop_does_not(make):
    with StallingServer(stalls_at=COUNT // 3, stall_s=STALL_S) as server:
        load = open_loop(post(server), make(RATE, SECONDS))
    with StallingServer(stalls_at=COUNT // 3, stall_s=STALL_S) as server:
        closed = one_connection(post(server), COUNT)
    assert load.errors == 0
    # Some 80 of 300 requests are due in the stall; p99 is one of its first.
    assert load.quantile_s(0.99) > 0.8 * STALL_S
    assert np.max(closed) >= STALL_S
    assert np.quantile(closed, 0.99) < load.quantile_s(0.99) / 4


def test_each_request_due_in_a_stall_waits_at_least_until_its_end():
    with StallingServer(stalls_at=50, stall_s=STALL_S) as server:
        load = open_loop(post(server), constant(RATE, SECONDS))
    stalled = 49  # the fiftieth was sent when it was due or later, and kept the rest waiting
    end = load.scheduled[stalled] + STALL_S
    due = load.scheduled[stalled:] < end
    assert np.all(load.latencies[stalled:][due] >= end - load.scheduled[stalled:][due] - 1e-3)
    assert due.sum() == STALL_S * RATE


def test_every_request_is_counted_with_its_status():
    with StallingServer(refuses_every=10) as server:
        load = open_loop(post(server, b"x" * 5000), constant(1000, 0.2), connections=4)
    assert load.by_status() == {200: 180, 400: 20}
    assert load.errors == 20
    assert server.bodies == {b"x" * 5000}
    assert (server.requests, server.connections) == (200, 4)


def test_a_broken_connection_is_an_error_and_is_made_anew():
    with StallingServer(closes_every=25) as server:
        load = open_loop(post(server), constant(500, 0.2), connections=3)
    assert load.by_status() == {200: 96, 0: 4}


def test_what_is_not_answered_in_time_is_given_up():
    with StallingServer(stalls_at=5, stall_s=1.0) as server:
        load = open_loop(post(server), constant(100, 0.1), patience_s=0.2)
    assert load.by_status() == {200: 4, 0: 6}
    assert np.all(load.latencies[4:] >= 0.2)


def test_a_request_that_would_block_is_refused():
    with StallingServer() as server, pytest.raises(InvalidConfig, match="send buffer"):
        open_loop(post(server, b"x" * 30_000_000), constant(1, 1))


def test_one_connection_takes_200_alone():
    with StallingServer(refuses_every=3) as server, pytest.raises(ServingError, match="400"):
        one_connection(post(server), 5)


def test_schedules():
    assert constant(4, 1).tolist() == [0, 0.25, 0.5, 0.75]
    arrivals = poisson(1000, 20, seed=1)
    gaps = np.diff(arrivals, prepend=0)
    assert len(arrivals) == 20_000
    assert np.all(gaps >= 0)
    # Exponential gaps: mean and standard deviation are both 1 / rate.
    assert gaps.mean() == pytest.approx(1e-3, rel=0.03)
    assert gaps.std() == pytest.approx(1e-3, rel=0.03)
    assert np.array_equal(arrivals, poisson(1000, 20, seed=1))
    assert not np.array_equal(arrivals, poisson(1000, 20, seed=2))


@pytest.mark.parametrize("bad", [(0, 1), (-1, 1), (1, 0), (0.1, 1)])
def test_a_schedule_without_a_request_is_refused(bad):
    for make in (constant, poisson):
        with pytest.raises(InvalidConfig, match="one request at least"):
            make(*bad)
