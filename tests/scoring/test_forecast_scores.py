"""Forecast scores against scipy, statsmodels and hand-made cases."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring.forecast import (
    MeanWithError,
    log_score_nats,
    newey_west_mean,
    pit_uniformity,
    probability_integral_transform,
    rank_information_coefficient,
)

DEGREES = [0.5, 1.0, 2.5, 4.0, 30.0, 1e4, 1e8]


def series(least=1, low=-10.0, high=10.0):
    return hnp.arrays(np.float64, st.integers(least, 40), elements=st.floats(low, high))


@pytest.fixture
def forecast():
    rng = np.random.default_rng(7)
    scale = rng.uniform(0.003, 0.03, 200)
    mean = rng.normal(0, 0.002, 200)
    return mean + scale * rng.standard_t(4, 200), mean, scale


@pytest.mark.parametrize("degrees", DEGREES)
def test_log_score_is_the_log_density_of_scipy(forecast, degrees):
    realised, mean, scale = forecast
    expected = stats.t.logpdf(realised, degrees, mean, scale)
    np.testing.assert_allclose(log_score_nats(*forecast, degrees), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("degrees", DEGREES)
def test_pit_is_the_distribution_function_of_scipy(forecast, degrees):
    realised, mean, scale = forecast
    expected = stats.t.cdf(realised, degrees, mean, scale)
    got = probability_integral_transform(*forecast, degrees)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=0)


def test_log_score_of_cauchy_by_hand():
    got = log_score_nats([0.0, 2.0], [0.0, 0.0], [1.0, 2.0], 1.0)
    np.testing.assert_allclose(got, [-math.log(math.pi), -math.log(4 * math.pi)], rtol=1e-14)


def test_log_score_approaches_the_normal_density(forecast):
    realised, mean, scale = forecast
    inside = np.abs(realised - mean) < 3 * scale
    expected = stats.norm.logpdf(realised, mean, scale)[inside]
    np.testing.assert_allclose(log_score_nats(*forecast, 1e12)[inside], expected, rtol=1e-9)


def test_true_scale_scores_best_on_average(forecast):
    realised, mean, scale = forecast
    score = {k: log_score_nats(realised, mean, k * scale, 4.0).mean() for k in (0.5, 1.0, 2.0)}
    assert max(score, key=score.get) == 1.0


@given(st.floats(-5, 5), st.floats(0.1, 10))
def test_log_score_in_other_units_differs_by_the_log_of_the_unit(shift, unit):
    realised, mean, scale = np.array([0.3, -1.0]), np.array([0.0, 0.5]), np.array([1.0, 0.2])
    before = log_score_nats(realised, mean, scale, 5.0)
    after = log_score_nats(unit * realised + shift, unit * mean + shift, unit * scale, 5.0)
    np.testing.assert_allclose(after, before - math.log(unit), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("score", [log_score_nats, probability_integral_transform])
class TestRefusals:
    @pytest.mark.parametrize("scale", [0.0, -1.0])
    def test_scale_must_be_positive(self, score, scale):
        with pytest.raises(InvalidConfig, match=rf"scale must be positive, but value 1 is {scale}"):
            score([0.0, 0.0], [0.0, 0.0], [1.0, scale], 4.0)

    @pytest.mark.parametrize("degrees", [0, -1.0, math.nan, math.inf])
    def test_degrees_must_be_positive(self, score, degrees):
        with pytest.raises(InvalidConfig, match=rf"^degrees_of_freedom .* got {degrees!r}"):
            score([0.0], [0.0], [1.0], degrees)

    def test_values_must_be_finite(self, score):
        with pytest.raises(InvalidConfig, match="mean must be finite, but value 1 is nan"):
            score([0.0, 0.0], [0.0, math.nan], [1.0, 1.0], 4.0)

    def test_lengths_must_agree(self, score):
        with pytest.raises(InvalidConfig, match=r"one length, got .*'mean': \(1,\)"):
            score([0.0, 0.0], [0.0], [1.0, 1.0], 4.0)


@given(series(low=0.0, high=1.0))
def test_uniformity_is_the_statistic_of_scipy(pit):
    expected = stats.kstest(pit, "uniform", method="asymp").statistic
    assert pit_uniformity(pit) == pytest.approx(expected, abs=1e-15)


def test_uniformity_by_hand():
    assert pit_uniformity([0.5]) == 0.5
    assert pit_uniformity([0.75, 0.25]) == 0.25
    assert pit_uniformity([0.0, 0.0]) == 1.0


@pytest.mark.parametrize("pit", [[-0.1, 0.5], [0.5, 1.1]])
def test_uniformity_refuses_what_is_no_probability(pit):
    with pytest.raises(InvalidConfig, match=r"probabilities in \[0, 1\], got"):
        pit_uniformity(pit)


@pytest.mark.parametrize("score", [pit_uniformity, lambda x: rank_information_coefficient(x, x)])
def test_no_value_is_refused(score):
    with pytest.raises(InvalidConfig, match="needs at least 1 values, got 0"):
        score([])


@given(
    st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=40)
    .map(lambda pairs: np.array(pairs, dtype=np.float64).T)
    .filter(lambda pair: np.ptp(pair, axis=1).all())
)
def test_rank_ic_is_spearman_of_scipy_with_ties(pair):
    expected = stats.spearmanr(*pair).statistic
    assert rank_information_coefficient(*pair) == pytest.approx(expected, abs=1e-12)


@given(series(least=2))
def test_rank_ic_does_not_change_under_an_increasing_map(prediction):
    realised = np.sin(np.arange(prediction.size))
    got = rank_information_coefficient(8 * prediction, realised)  # exact in binary
    assert got == rank_information_coefficient(prediction, realised)


@pytest.mark.parametrize("constant", [0.0, 0.1])
def test_rank_ic_of_a_constant_is_zero(constant):
    assert rank_information_coefficient([constant] * 3, [1.0, 2.0, 3.0]) == 0.0
    assert rank_information_coefficient([1.0, 2.0, 3.0], [constant] * 3) == 0.0
    assert rank_information_coefficient([1.0], [2.0]) == 0.0


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
