"""Scores of returns: cases by hand, published numbers and invariances."""

import doctest
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring import performance

RETURNS = np.random.default_rng(11).standard_t(5, 400) * 0.01 + 0.001


def series(low, high, least=1):
    return hnp.arrays(np.float64, st.integers(least, 40), elements=st.floats(low, high))


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


def test_sharpe_error_is_the_spread_of_sharpes_over_many_samples():
    samples = np.random.default_rng(5).gamma(2.0, 1.0, (4000, 250)) - 1.5  # skewed on purpose
    observed = np.std([performance.sharpe_annual(sample, 1.0) for sample in samples])
    claimed = np.mean([performance.sharpe_standard_error(sample, 1.0) for sample in samples])
    assert claimed == pytest.approx(observed, rel=0.05)


# Sortino, Calmar, volatility, growth

RATIOS = [performance.sortino_annual, performance.calmar, performance.annual_volatility]


def test_sortino_by_hand():
    # Downside: sqrt((0 + 0.02² + 0 + 0.02²) / 4) = 0.02 / sqrt(2); the mean is 0.01.
    got = performance.sortino_annual([0.05, -0.02, 0.03, -0.02], 8)
    assert got == pytest.approx(0.01 / (0.02 / math.sqrt(2)) * math.sqrt(8))


def test_sortino_is_sharpe_over_the_lower_half_of_symmetric_returns():
    symmetric = np.concatenate([RETURNS, -RETURNS]) - 1e-9
    error = performance.sortino_annual(symmetric, 252) / performance.sharpe_annual(symmetric, 252)
    assert error == pytest.approx(math.sqrt(2), rel=1e-2)


def test_calmar_by_hand():
    # 1.21 after two bars of a two-bar year that lost a half in between.
    got = performance.calmar([1.42, -0.5], 2)
    assert got == pytest.approx(0.21 / 0.5)
    assert performance.calmar([0.5, -1.0], 2) == -1.0  # ruin


def test_volatility_by_hand():
    assert performance.annual_volatility([0.01, 0.03], 4) == pytest.approx(0.02 * math.sqrt(2))


@given(st.floats(-0.5, 0.5), st.integers(1, 30), st.floats(1, 365))
def test_growth_of_a_constant_return_is_compound_interest(rate, n, bars):
    expected = math.expm1(bars * math.log1p(rate))
    assert performance.annual_growth([rate] * n, bars) == pytest.approx(expected, rel=1e-9)


@given(series(-0.1, 0.1), st.floats(1, 50))
def test_growth_over_the_series_is_the_last_wealth(returns, bars):
    grown = (1 + performance.annual_growth(returns, bars)) ** (returns.size / bars)
    assert grown == pytest.approx(performance.wealth(returns)[-1], rel=1e-6)


def test_growth_after_ruin_is_minus_one():
    assert performance.annual_growth([0.5, -1.5, 3.0], 252) == -1.0


def test_growth_beyond_float64_is_refused():
    with pytest.raises(InvalidConfig, match=r"growth per year must be a float64, got exp\("):
        performance.annual_growth([1.0], 1e6)


@pytest.mark.parametrize("ratio", RATIOS)
class TestRatioEdges:
    def test_portfolio_that_never_traded_has_zero(self, ratio):
        assert ratio([0.0] * 5, 252) == 0.0

    @pytest.mark.parametrize("constant", [0.1, -0.1])
    def test_constant_returns_are_refused(self, ratio, constant):
        with pytest.raises(InvalidConfig, match=f"returns that vary, got 10 times {constant}"):
            ratio([constant] * 10, 252)

    def test_one_return_is_refused(self, ratio):
        with pytest.raises(InvalidConfig, match="returns needs at least 2 values, got 1"):
            ratio([0.1], 252)

    def test_missing_return_is_refused(self, ratio):
        with pytest.raises(InvalidConfig, match="returns must be finite, but value 1 is nan"):
            ratio([0.1, math.nan], 252)

    @pytest.mark.parametrize("bars", [0, -1.0, math.nan, math.inf])
    def test_bars_per_year_must_be_positive(self, ratio, bars):
        with pytest.raises(InvalidConfig, match=f"bars_per_year must be positive .* got {bars}"):
            ratio(RETURNS, bars)


@pytest.mark.parametrize(
    ("ratio", "rule"),
    [(performance.sortino_annual, "needs a loss"), (performance.calmar, "needs a drawdown")],
)
def test_ratio_without_a_loss_is_refused_and_not_infinite(ratio, rule):
    with pytest.raises(InvalidConfig, match=rule):
        ratio([0.0, 0.1, 0.2], 252)


@given(series(-2.0, 2.0, least=2))
def test_ratios_are_finite_or_refused(returns):
    for ratio in (performance.sharpe_annual, *RATIOS):
        try:
            assert math.isfinite(ratio(returns, 2.0))
        except InvalidConfig:
            assert (returns > -1e-12).all() or np.ptp(returns) == 0


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


def test_docstring_examples_print_what_they_say():
    result = doctest.testmod(performance)
    assert (result.attempted, result.failed) == (3, 0)
