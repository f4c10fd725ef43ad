"""Quantiles read as Prometheus reads them, against those of the latencies themselves."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordinis_mlflow.telemetry.buckets import (
    BATCH_WINDOWS,
    LATENCY_RANGE_S,
    LATENCY_S,
    QUANTILE_ERROR,
    QUEUE_S,
    geometric,
)

QUANTILES = (0.5, 0.95, 0.99)
LOW, HIGH = LATENCY_RANGE_S


def prometheus_quantile(q, bounds, values):
    """``histogram_quantile`` of promql/quantile.go: linear inside the bucket that holds q·n."""
    cumulative = [np.count_nonzero(values <= bound) for bound in bounds] + [len(values)]
    rank = q * len(values)
    b = next(i for i, count in enumerate(cumulative) if count >= rank)
    if b == len(bounds):
        return bounds[-1]
    start, before = (bounds[b - 1], cumulative[b - 1]) if b else (0.0, 0)
    return start + (bounds[b] - start) * (rank - before) / (cumulative[b] - before)


def quantile(q, values):
    """The value of that rank: the smallest with at least q·n values up to it."""
    return np.sort(values)[math.ceil(q * len(values) - 1e-9) - 1]


def error(q, values):
    true = quantile(q, values)
    return abs(prometheus_quantile(q, LATENCY_S, values) / true - 1)


@given(
    st.lists(st.floats(LOW * 1.0001, HIGH), min_size=1, max_size=60),
    st.sampled_from(QUANTILES),
)
def test_of_any_latencies_a_quantile_is_within_ten_percent(latencies, q):
    assert error(q, np.array(latencies)) <= QUANTILE_ERROR


@pytest.mark.parametrize("spread", [1e-6, 0.01, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("median", [3e-4, 1.6e-3, 2e-2])
def test_of_likely_latencies(median, spread):
    """A busy server's (σ = 1) up to one that always takes as long."""
    values = np.random.default_rng(7).lognormal(math.log(median), spread, 20_000).clip(0, HIGH)
    assert max(error(q, values) for q in QUANTILES) <= QUANTILE_ERROR


def test_the_bound_is_reached():
    """All just above a bound: what the ninety-nine hundredths rank reads is a bucket too much."""
    values = np.full(10_000, np.nextafter(LATENCY_S[40], 1))
    assert 0.09 < error(0.99, values) <= QUANTILE_ERROR


def test_one_bucket_fewer_is_too_few():
    buckets = len(LATENCY_S) - 1
    assert (HIGH / LOW) ** (1 / buckets) <= 1 + QUANTILE_ERROR < (HIGH / LOW) ** (1 / (buckets - 1))


@given(st.floats(1e-9, 1.0), st.floats(1.1, 1e6), st.floats(0.01, 3.0))
def test_geometric_bounds(low, times, largest_error):
    bounds = geometric(low, low * times, largest_error)
    assert bounds[0] == pytest.approx(low, rel=1e-4)
    assert bounds[-1] == pytest.approx(low * times, rel=1e-4)
    assert all(b / a <= (1 + largest_error) * 1.0002 for a, b in pairwise(bounds))


def test_a_batch_of_one_and_no_wait_are_exact():
    assert BATCH_WINDOWS[:2] == (1.0, 2.0)
    assert QUEUE_S[0] == 0.0
