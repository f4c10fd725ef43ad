"""Means and correlations against scipy, statsmodels and simulations."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring.skill import (
    MeanWithError,
    correlation_influence,
    information_coefficient,
    newey_west_mean,
    rank_correlation,
)


def series(least=1, low=-10.0, high=10.0):
    return hnp.arrays(np.float64, st.integers(least, 40), elements=st.floats(low, high))


@pytest.mark.parametrize("lags", [0, 1, 4, 20])
def test_newey_west_is_hac_of_statsmodels(lags):
    rng = np.random.default_rng(lags)
    x = 0.3 + np.convolve(rng.normal(size=304), np.ones(5) / 5, mode="valid")
    options = {"maxlags": lags, "use_correction": False}
    fit = sm.OLS(x, np.ones_like(x)).fit(cov_type="HAC", cov_kwds=options)
    got = newey_west_mean(x, lags)
    assert got.value == pytest.approx(fit.params[0], rel=1e-12)
    assert got.standard_error == pytest.approx(fit.bse[0], rel=1e-12)
    assert got.n == 300


def test_newey_west_by_hand():
    # e = (-1, 1, 1, -1): Σe² = 4, Σe[t]e[t-1] = -1; (4 + 2 · 1/2 · -1) / 4 / 4
    assert newey_west_mean([0, 2, 2, 0], 1) == MeanWithError(1.0, math.sqrt(3 / 16), 4)


def test_newey_west_without_lags_is_the_usual_error():
    x = np.random.default_rng(0).normal(size=50)
    assert newey_west_mean(x, 0).standard_error == pytest.approx(x.std() / math.sqrt(50))


@given(series(least=5), st.integers(0, 4))
def test_newey_west_error_is_never_nan_nor_negative(x, lags):
    assert newey_west_mean(x, lags).standard_error >= 0


@pytest.mark.parametrize("lags", [-1, 3])
def test_newey_west_refuses_lags_out_of_range(lags):
    with pytest.raises(InvalidConfig, match=f"lags must be from 0 to 2 for 3 values, got {lags}"):
        newey_west_mean([1.0, 2.0, 3.0], lags)


def test_newey_west_refuses_one_value():
    with pytest.raises(InvalidConfig, match="x needs at least 2 values, got 1"):
        newey_west_mean([1.0], 0)


@given(
    st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=40)
    .map(lambda pairs: np.array(pairs, dtype=np.float64).T)
    .filter(lambda pair: np.ptp(pair, axis=1).all())
)
def test_rank_correlation_is_spearman_of_scipy_with_ties(pair):
    expected = stats.spearmanr(*pair).statistic
    assert rank_correlation(*pair) == pytest.approx(expected, abs=1e-12)


@given(series(least=2))
def test_rank_correlation_does_not_change_under_an_increasing_map(prediction):
    realised = np.sin(np.arange(prediction.size))
    got = rank_correlation(8 * prediction, realised)  # exact in binary
    assert got == rank_correlation(prediction, realised)


@pytest.mark.parametrize("constant", [0.0, 0.1])
def test_rank_correlation_of_a_constant_is_zero(constant):
    assert rank_correlation([constant] * 3, [1.0, 2.0, 3.0]) == 0.0
    assert rank_correlation([1.0, 2.0, 3.0], [constant] * 3) == 0.0
    assert rank_correlation([1.0], [2.0]) == 0.0


def test_rank_correlation_of_no_value_is_refused():
    with pytest.raises(InvalidConfig, match="needs at least 1 values, got 0"):
        rank_correlation([], [])


# correlation_influence, information_coefficient


def correlated(rho, n, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    return x, rho * x + math.sqrt(1 - rho**2) * rng.standard_normal(n)


def test_influence_is_what_a_row_adds():
    x, y = correlated(0.4, 600, 0)
    rho, influence = correlation_influence(x, y)
    assert rho == pytest.approx(stats.pearsonr(x, y).statistic)
    # n - 1 times the change when one row is left out: the jackknife's influence values.
    without = [np.corrcoef(np.delete(x, i), np.delete(y, i))[0, 1] for i in range(600)]
    np.testing.assert_allclose(influence, 599 * (rho - np.array(without)), rtol=0.05, atol=0.02)
    assert influence.mean() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("lags", [0, 4, 10])
def test_error_of_no_correlation_is_hac_of_statsmodels(lags):
    # Where ρ is 0 the influence is z_x z_y, which is what a regression's HAC error is made of.
    x, y = correlated(0.0, 300, 1)
    x -= x.mean()
    y -= y.mean() + x * (x @ y) / (x @ x)
    fit = sm.OLS(y / y.std(), x / x.std()).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False}
    )
    got = information_coefficient(x, y, lags)
    assert got.value == pytest.approx(0.0, abs=1e-12)
    assert got.standard_error == pytest.approx(fit.bse[0], rel=1e-9)
    assert got.n == 300


@pytest.mark.parametrize("rho", [0.0, 0.5, -0.8])
@pytest.mark.parametrize("rank", [False, True])
def test_error_is_the_spread_over_many_samples(rho, rank):
    found = [
        information_coefficient(*correlated(rho, 200, seed), lags=0, rank=rank)
        for seed in range(400)
    ]
    observed = np.std([one.value for one in found])
    # With ranks it is within 1 % up to 0.5, and then a little off: see the docstring.
    assert np.mean([one.standard_error for one in found]) == pytest.approx(observed, rel=0.2)


def test_error_over_dates_is_the_spread_of_panels_that_move_together():
    values, errors, naive = [], [], []
    dates = np.repeat(np.arange(100), 8)
    for seed in range(300):
        rng = np.random.default_rng(seed)
        market = np.repeat(rng.standard_normal((2, 100)), 8, axis=1)
        x, y = market + rng.standard_normal((2, 800))
        one = information_coefficient(x, y, 0, dates)
        values.append(one.value)
        errors.append(one.standard_error)
        naive.append(information_coefficient(x, y, 0).standard_error)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.12)
    assert np.mean(naive) < 0.7 * np.std(values)


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_order_of_rows_with_dates_does_not_matter(seed, rank):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((2, 60))
    dates = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(np.arange(60) // 3, unit="D")
    order = rng.permutation(60)
    before = information_coefficient(x, y, 2, dates, rank)
    after = information_coefficient(x[order], y[order], 2, dates[order], rank)
    assert after.value == pytest.approx(before.value, abs=1e-12)
    assert after.standard_error == pytest.approx(before.standard_error, rel=1e-9)


def test_a_date_for_each_row_is_no_date():
    x, y = correlated(0.3, 50, 2)
    assert information_coefficient(x, y, 3, np.arange(50)) == information_coefficient(x, y, 3)


@given(series(least=3), st.floats(1e-200, 1e200))
def test_unit_of_the_prediction_does_not_matter(prediction, unit):
    realised = np.cos(np.arange(prediction.size))
    got = information_coefficient(prediction, realised, 0)
    assert -1 <= got.value <= 1
    assert math.isfinite(got.standard_error)
    scaled = information_coefficient(prediction * 2.0**40, realised, 0)
    assert scaled.value == pytest.approx(got.value, abs=1e-9)
    assert math.isfinite(information_coefficient(prediction * unit, realised, 0).value)


@pytest.mark.parametrize("rank", [False, True])
def test_ic_of_a_constant_prediction_is_zero(rank):
    got = information_coefficient([0.1] * 3, [1.0, 2.0, 3.0], 0, rank=rank)
    assert got == MeanWithError(0.0, 0.0, 3)
    rho, influence = correlation_influence([0.1] * 3, [1.0, 2.0, 3.0])
    assert rho == 0.0
    np.testing.assert_array_equal(influence, 0.0)


@pytest.mark.parametrize("rank", [False, True])
def test_ic_of_constant_outcomes_is_refused(rank):
    with pytest.raises(InvalidConfig, match="outcomes that vary, got 3 times"):
        information_coefficient([1.0, 2.0, 3.0], [0.1] * 3, 0, rank=rank)


@pytest.mark.parametrize("rank", [False, True])
def test_perfect_prediction_has_one_without_error(rank):
    x = np.arange(10.0)
    for sign in (1, -1):
        got = information_coefficient(sign * x, x, 2, rank=rank)
        assert got.value == pytest.approx(sign)
        assert got.standard_error == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("dates", "message"),
    [
        ([1, 2], "for each of 3 rows and none missing, got 2 with 0"),
        ([1, None, 2], "none missing, got 3 with 1"),
        (pd.DatetimeIndex(["2024-01-01", None, "2024-01-02"]), "none missing, got 3 with 1"),
        ([5, 5, 5], "two or more dates, got 1"),
    ],
)
def test_bad_dates_are_refused(dates, message):
    with pytest.raises(InvalidConfig, match=message):
        information_coefficient([1.0, 2.0, 3.0], [1.0, 3.0, 2.0], 0, pd.Index(dates))


def test_lags_count_dates():
    x, y = correlated(0.3, 60, 3)
    with pytest.raises(InvalidConfig, match="lags must be from 0 to 2 for 3 values, got 3"):
        information_coefficient(x, y, 3, np.arange(60) % 3)


def test_one_pair_is_refused():
    with pytest.raises(InvalidConfig, match="prediction needs at least 2 values, got 1"):
        information_coefficient([1.0], [2.0], 0)
