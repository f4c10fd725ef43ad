"""Labels: forward returns in units of volatility, and when each is known."""

import math

import numpy as np
import pytest

from ordinis_mlflow.features import forward_returns


def history(bars: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    close = 50.0 * np.exp(np.cumsum(0.02 * rng.standard_normal(bars)))
    start = np.datetime64("2024-01-01", "ns")
    times = start + np.cumsum(rng.integers(1, 5, bars)).astype("timedelta64[D]")
    return close, times, rng.uniform(0.01, 0.05, bars)


@pytest.mark.parametrize("horizon", [1, 5])
def test_forward_returns_are_those_of_a_loop(horizon):
    close, times, units = history(40)
    labels = forward_returns(close, times, units, horizon)
    for t in range(40):
        if t + horizon < 40:
            value = math.log(close[t + horizon] / close[t]) / units[t]
            assert labels.values[t] == pytest.approx(value, rel=1e-12)
            assert labels.ends[t] == times[t + horizon]
        else:
            assert np.isnan(labels.values[t])
            assert np.isnat(labels.ends[t])
    assert labels.ends.dtype == np.dtype("datetime64[ns]")


def test_a_label_times_its_unit_is_a_log_return():
    close, times, units = history(40)
    labels = forward_returns(close, times, units, 5)
    np.testing.assert_array_equal(labels.units, units)
    np.testing.assert_allclose(
        (labels.values * labels.units)[:-5], np.log(close[5:] / close[:-5]), rtol=1e-12
    )


def test_label_is_nan_where_its_unit_is():
    close, times, units = history(10)
    units[:3] = np.nan
    labels = forward_returns(close, times, units, 2)
    np.testing.assert_array_equal(np.isnan(labels.values), [1, 1, 1, 0, 0, 0, 0, 0, 1, 1])
    assert not np.isnat(labels.ends[:8]).any()


@pytest.mark.parametrize("horizon", [10, 11])
def test_a_horizon_beyond_the_history_knows_no_label(horizon):
    labels = forward_returns(*history(10), horizon)
    assert np.isnan(labels.values).all()
    assert np.isnat(labels.ends).all()


def test_label_depends_on_its_two_closes_only():
    close, times, units = history(20)
    other = close.copy()
    other[[5, 11]] *= 2.0
    changed = np.flatnonzero(
        forward_returns(close, times, units, 3).values[:-3]
        != forward_returns(other, times, units, 3).values[:-3]
    )
    np.testing.assert_array_equal(changed, [2, 5, 8, 11])


def test_inputs_are_left_as_they_are():
    close, times, units = history(10)
    copies = close.copy(), times.copy(), units.copy()
    forward_returns(close, times, units, 2)
    for array, copy in zip((close, times, units), copies, strict=True):
        np.testing.assert_array_equal(array, copy)
