"""Trading scores: cases by hand, published numbers and invariances."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring import trading


def positions_and_returns(n=20):
    return (
        hnp.arrays(np.float64, n, elements=st.floats(-1, 1)),
        hnp.arrays(np.float64, n, elements=st.floats(-0.2, 0.2)),
    )


# signal_returns, turnover_per_bar


def test_returns_and_costs_by_hand():
    got = trading.signal_returns([1, 1, -1, 0], [0.01, -0.02, -0.03, 0.5], cost_bps=10)
    np.testing.assert_allclose(got, [0.009, -0.02, 0.028, -0.001], rtol=1e-12)


def test_turnover_by_hand():
    assert trading.turnover_per_bar([1, 1, -1, 0]) == 1.0  # 1 + 0 + 2 + 1 over 4
    assert trading.turnover_per_bar([0, 0]) == 0.0


@given(*positions_and_returns())
def test_without_cost_it_is_the_product(position, next_return):
    got = trading.signal_returns(position, next_return, 0.0)
    np.testing.assert_array_equal(got, position * next_return)


@given(*positions_and_returns(), st.floats(0, 4), st.floats(0, 100))
def test_scaling_positions_scales_returns_and_turnover(position, next_return, factor, cost_bps):
    got = trading.signal_returns(factor * position, next_return, cost_bps)
    expected = factor * trading.signal_returns(position, next_return, cost_bps)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)
    turnover = factor * trading.turnover_per_bar(position)
    assert trading.turnover_per_bar(factor * position) == pytest.approx(turnover, abs=1e-12)


@given(*positions_and_returns(), st.floats(0, 100))
def test_total_cost_is_turnover_times_cost(position, next_return, cost_bps):
    free = trading.signal_returns(position, next_return, 0.0)
    paid = free.sum() - trading.signal_returns(position, next_return, cost_bps).sum()
    expected = cost_bps / 1e4 * trading.turnover_per_bar(position) * position.size
    assert paid == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("cost_bps", [-1.0, math.nan, math.inf])
def test_bad_cost_is_refused(cost_bps):
    with pytest.raises(
        InvalidConfig, match=f"cost_bps must be 0 or more and finite, got {cost_bps}"
    ):
        trading.signal_returns([1.0], [0.1], cost_bps)


def test_missing_return_is_refused():
    with pytest.raises(InvalidConfig, match="next_return must be finite, but value 1 is nan"):
        trading.signal_returns([1.0, 1.0], [0.1, math.nan], 1.0)


# portfolio_returns


def test_portfolio_of_two_symbols_by_hand():
    times = pd.to_datetime(["2024-01-02", "2024-01-01", "2024-01-01", "2024-01-03"], utc=True)
    symbols = np.array(["A", "B", "A", "A"])
    got = trading.portfolio_returns(times, symbols, [1, -1, 1, -1], [0.02, 0.04, 0.01, 0.03], 100)
    # A: 0.01 - 0.01, 0.02, -0.03 - 0.02; B on the first day: -0.04 - 0.01
    index = pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-03"], tz="UTC", name="time")
    expected = pd.Series([-0.025, 0.02, -0.05], index=index, name="net_return")
    pd.testing.assert_series_equal(got, expected, check_index_type=False, check_freq=False)


@given(*positions_and_returns(), st.floats(0, 100))
def test_portfolio_of_one_symbol_is_its_signal_returns(position, next_return, cost_bps):
    times = np.datetime64("2024-01-01", "ns") + np.arange(20) * np.timedelta64(1, "D")
    got = trading.portfolio_returns(times, np.full(20, "A"), position, next_return, cost_bps)
    expected = trading.signal_returns(position, next_return, cost_bps)
    np.testing.assert_allclose(got.to_numpy(), expected, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(got.index.to_numpy(), times)


@given(*positions_and_returns(), st.randoms(use_true_random=False))
def test_order_of_rows_and_foreign_index_do_not_matter(position, next_return, random):
    rows = pd.DataFrame(
        {
            "time": np.datetime64("2024-01-01", "ns") + np.arange(20) // 2 * np.timedelta64(1, "D"),
            "symbol": pd.Categorical(["B", "A"] * 10, categories=["B", "A", "unused"]),
            "position": position,
            "next_return": next_return,
        }
    )
    order = list(range(20))
    random.shuffle(order)
    before, after = (
        trading.portfolio_returns(f["time"], f["symbol"], f["position"], f["next_return"], 5.0)
        for f in (rows, rows.iloc[order])
    )
    pd.testing.assert_series_equal(before, after, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("times", "symbols", "message"),
    [
        (np.array([1, 1]), np.array(["A", "A"]), r"'A' has several at 1 \(1 repeated"),
        (np.array([1, 2, 3]), np.array(["A", "A"]), "got 3, 2 and 2"),
        (np.array([1, 2]), np.array(["A", None]), "must not be missing"),
        (pd.DatetimeIndex(["2024-01-01", None]), np.array(["A", "A"]), "must not be missing"),
    ],
)
def test_bad_panel_is_refused(times, symbols, message):
    with pytest.raises(InvalidConfig, match=message):
        trading.portfolio_returns(times, symbols, [1.0, 1.0], [0.1, 0.1], 0.0)


def test_empty_panel_is_refused():
    with pytest.raises(InvalidConfig, match="needs at least 1 values, got 0"):
        trading.portfolio_returns(np.array([]), np.array([]), [], [], 0.0)


# hit_rate


def test_hit_rate_by_hand():
    direction, realised = [1, -1, 1, 0, -1], [0.1, -0.2, -0.3, 0.4, 0.0]
    assert trading.hit_rate(direction, realised) == 0.5  # 2 of 4; a realised 0 is a miss
    assert trading.hit_rate(np.multiply(direction, 0.3), realised) == 0.5


@pytest.mark.parametrize("direction", [[], [0, 0]])
def test_hit_rate_without_a_call_is_nan(direction):
    assert math.isnan(trading.hit_rate(direction, np.zeros(len(direction))))


# exposure, time_in_market_share


def test_exposure_and_time_in_market_by_hand():
    position = [0.5, 0.0, -1.0, 1.0, 0.0]
    assert trading.exposure(position) == 0.5
    assert trading.time_in_market_share(position) == 0.6
    assert trading.time_in_market_share(position, 1) == 0.4
    assert trading.time_in_market_share(position, -1) == 0.2


@given(hnp.arrays(np.float64, 20, elements=st.floats(-1, 1)))
def test_long_and_short_time_are_time_in_market(position):
    sides = [trading.time_in_market_share(position, side) for side in (1, -1)]
    assert sum(sides) == pytest.approx(trading.time_in_market_share(position))
    assert trading.exposure(position) <= trading.time_in_market_share(position)


@pytest.mark.parametrize("score", [trading.exposure, trading.time_in_market_share])
def test_no_position_is_refused(score):
    with pytest.raises(InvalidConfig, match="position needs at least 1 values, got 0"):
        score([])
    with pytest.raises(InvalidConfig, match="position must be finite, but value 1 is nan"):
        score([0.0, math.nan])


def test_other_side_is_refused():
    with pytest.raises(InvalidConfig, match=r"side must be .* got 2"):
        trading.time_in_market_share([0.5], 2)
