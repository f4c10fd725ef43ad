"""Trading scores: cases by hand, published numbers and invariances."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring import performance, trading

RETURNS = np.random.default_rng(11).standard_t(5, 400) * 0.01 + 0.001


def series(low, high, least=1):
    return hnp.arrays(np.float64, st.integers(least, 40), elements=st.floats(low, high))


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


# Sharpe


def test_sharpe_by_hand():
    assert performance.sharpe_annual([0.01, 0.03], 252) == pytest.approx(math.sqrt(2 * 252))
    assert performance.sharpe_annual([0.01, -0.01], 252) == 0.0


@pytest.mark.parametrize("factor", [0.1, 3.0])
def test_sharpe_does_not_depend_on_leverage(factor):
    expected = performance.sharpe_annual(RETURNS, 252)
    assert performance.sharpe_annual(factor * RETURNS, 252) == pytest.approx(expected)
    assert performance.sharpe_annual(-RETURNS, 252) == pytest.approx(-expected)
    error = performance.sharpe_standard_error(RETURNS, 252)
    assert performance.sharpe_standard_error(factor * RETURNS, 252) == pytest.approx(error)


def test_portfolio_that_never_traded_has_sharpe_zero():
    assert performance.sharpe_annual([0.0] * 5, 252) == 0.0
    assert performance.sharpe_standard_error([0.0] * 4, 252) == math.sqrt(252 / 4)


@pytest.mark.parametrize("sharpe", [performance.sharpe_annual, performance.sharpe_standard_error])
class TestSharpeRefusals:
    def test_constant_gain(self, sharpe):
        with pytest.raises(InvalidConfig, match=r"returns that vary, got 10 times 0\.1"):
            sharpe([0.1] * 10, 252)

    def test_one_return(self, sharpe):
        with pytest.raises(InvalidConfig, match="returns needs at least 2 values, got 1"):
            sharpe([0.1], 252)

    @pytest.mark.parametrize("bars", [0, -1.0, math.nan, math.inf])
    def test_bars_per_year(self, sharpe, bars):
        with pytest.raises(InvalidConfig, match=f"bars_per_year must be positive .* got {bars}"):
            sharpe(RETURNS, bars)


@pytest.mark.parametrize(
    ("skewness", "kurtosis", "sharpe", "expected"),
    [(-0.2250, 2.957, 0.7079, 0.1028), (-1.4455, 7.0497, 0.8183, 0.1550)],
)
def test_sharpe_error_gives_reference_numbers(skewness, kurtosis, sharpe, expected):
    # 134 monthly returns; the reference divides by n - 1.
    got = performance.sharpe_standard_error_from_moments(sharpe, skewness, kurtosis, 134 - 1)
    assert got == pytest.approx(expected, abs=5e-5)


def test_sharpe_error_of_normal_returns_is_that_of_lo():
    got = performance.sharpe_standard_error_from_moments(0.5, 0.0, 3.0, 100)
    assert got == pytest.approx(math.sqrt((1 + 0.5**2 / 2) / 100))


def test_sharpe_error_takes_the_moments_of_scipy():
    per_bar = performance.sharpe_standard_error_from_moments(
        RETURNS.mean() / RETURNS.std(ddof=1),
        stats.skew(RETURNS),
        stats.kurtosis(RETURNS, fisher=False),
        RETURNS.size,
    )
    assert performance.sharpe_standard_error(RETURNS, 252) == pytest.approx(
        per_bar * math.sqrt(252)
    )


def test_sharpe_error_is_the_spread_of_sharpes_over_many_samples():
    samples = np.random.default_rng(5).gamma(2.0, 1.0, (4000, 250)) - 1.5  # skewed on purpose
    observed = np.std([performance.sharpe_annual(sample, 1.0) for sample in samples])
    claimed = np.mean([performance.sharpe_standard_error(sample, 1.0) for sample in samples])
    assert claimed == pytest.approx(observed, rel=0.05)


def test_sharpe_error_refuses_no_returns():
    with pytest.raises(InvalidConfig, match="n must be a positive number of returns, got 0"):
        performance.sharpe_standard_error_from_moments(0.5, 0.0, 3.0, 0)


# wealth and drawdown


def test_wealth_and_drawdown_by_hand():
    returns = [-0.5, 1.0, 1.0, -0.25]
    np.testing.assert_allclose(performance.wealth(returns), [0.5, 1.0, 2.0, 1.5])
    np.testing.assert_allclose(
        performance.drawdown(performance.wealth(returns)), [0.5, 0.0, 0.0, 0.25]
    )
    assert performance.max_drawdown_fraction(returns) == 0.5  # from the start, which is a peak


def test_ruin_is_final():
    np.testing.assert_array_equal(performance.wealth([0.5, -1.5, -3.0, 1.0]), [1.5, 0, 0, 0])
    assert performance.max_drawdown_fraction([0.5, -1.5, -3.0, 1.0]) == 1.0


@given(series(-2.0, 2.0))
def test_drawdown_is_a_fraction(returns):
    below = performance.drawdown(performance.wealth(returns))
    assert ((below >= 0) & (below <= 1)).all()
    assert performance.max_drawdown_fraction(returns) == below.max()


@given(series(0.0, 0.5))
def test_gains_alone_have_no_drawdown(returns):
    assert performance.max_drawdown_fraction(returns) == 0.0


def test_no_returns_have_no_drawdown():
    assert performance.max_drawdown_fraction([]) == 0.0


def test_negative_wealth_is_refused():
    with pytest.raises(InvalidConfig, match=r"wealth must not be negative, but value 1 is -0\.1"):
        performance.drawdown([1.0, -0.1])


# hit_rate


def test_hit_rate_by_hand():
    direction, realised = [1, -1, 1, 0, -1], [0.1, -0.2, -0.3, 0.4, 0.0]
    assert trading.hit_rate(direction, realised) == 0.5  # 2 of 4; a realised 0 is a miss
    assert trading.hit_rate(np.multiply(direction, 0.3), realised) == 0.5


@pytest.mark.parametrize("direction", [[], [0, 0]])
def test_hit_rate_without_a_call_is_nan(direction):
    assert math.isnan(trading.hit_rate(direction, np.zeros(len(direction))))


# bars_per_year


@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_bars_per_year_of_each_day(zone, unit):
    days = pd.date_range("2020-01-01", periods=1000, freq="D", tz="UTC", unit=unit)
    times = days.tz_convert(zone)
    assert performance.bars_per_year(times) == pytest.approx(365.25)
    assert performance.bars_per_year(times[::2]) == pytest.approx(365.25 / 2)


def test_bars_per_year_of_weekdays_and_arrays():
    times = pd.bdate_range("2000-01-03", "2019-12-31").to_numpy()
    assert performance.bars_per_year(times) == pytest.approx(365.25 * 5 / 7, rel=1e-3)
    assert performance.bars_per_year(pd.Series(times)) == performance.bars_per_year(times)


@pytest.mark.parametrize(
    "days", [[], ["2024-01-01"], ["2024-01-02", "2024-01-01"], ["2024-01-01"] * 2]
)
def test_bars_per_year_refuses_times_without_a_span(days):
    with pytest.raises(InvalidConfig, match=f"distinct ascending times, got {len(days)}"):
        performance.bars_per_year(np.array(days, dtype="datetime64[ns]"))
