"""Forecast scores against scipy, mpmath and hand-made cases."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring.forecast import (
    log_score_nats,
    probability_integral_transform,
)

DEGREES = [0.5, 1.0, 2.5, 4.0, 30.0, 1e4, 1e8]


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
