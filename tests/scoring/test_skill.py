"""Means and correlations against scipy, statsmodels and simulations."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring.skill import (
    MeanWithError,
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
