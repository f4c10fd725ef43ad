"""Forecast scores against scipy, numerical integrals and hand-made cases."""

import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special, stats

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring import forecast as scores
from ordinis_mlflow.scoring.forecast import (
    crps,
    log_score_nats,
    pinball_loss,
    probability_integral_transform,
    qlike,
)

DEGREES = [0.5, 1.0, 2.5, 4.0, 30.0, 1e4, 1e8]


def median_loss(realised, mean, scale, degrees):
    return pinball_loss(realised, mean, scale, degrees, level=0.5)


def qlike_about_mean(realised, mean, scale, degrees):
    return qlike(np.subtract(realised, mean), scale, degrees)


WITH_MEAN = [log_score_nats, probability_integral_transform, crps, median_loss]


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


@pytest.mark.parametrize("degrees", [1.2, 2.5, 4.0, 30.0, 1e4])
@pytest.mark.parametrize("realised", [-4.0, -0.3, 0.0, 0.5, 9.0])
def test_crps_is_the_integral_that_defines_it(realised, degrees):
    forecast = stats.t(degrees, 0.5, 1.5)
    below, _ = integrate.quad(lambda x: forecast.cdf(x) ** 2, -np.inf, realised)
    above, _ = integrate.quad(lambda x: forecast.sf(x) ** 2, realised, np.inf)
    got = crps([realised], [0.5], [1.5], degrees)
    np.testing.assert_allclose(got, below + above, rtol=1e-6)


@pytest.mark.parametrize("degrees", [1e6, 1e12, 1e200])
def test_crps_approaches_that_of_the_normal(forecast, degrees):
    realised, mean, scale = forecast
    z = (realised - mean) / scale
    normal = z * (2 * special.ndtr(z) - 1) + 2 * stats.norm.pdf(z) - 1 / math.sqrt(math.pi)
    np.testing.assert_allclose(crps(*forecast, degrees), scale * normal, rtol=1e-4)


@pytest.mark.parametrize("degrees", [1.5, 4.0, 1e3])
def test_crps_is_twice_the_integral_of_the_pinball_loss(degrees):
    nodes, weights = np.polynomial.legendre.leggauss(400)
    levels = (nodes + 1) / 2
    losses = [pinball_loss([0.7, -2.0], [0.0, 0.1], [1.0, 0.5], degrees, u) for u in levels]
    np.testing.assert_allclose(
        weights @ np.stack(losses), crps([0.7, -2.0], [0.0, 0.1], [1.0, 0.5], degrees), rtol=1e-3
    )


@given(st.floats(-1e3, 1e3), st.floats(1.01, 1e9), st.floats(1e-3, 1e3))
def test_crps_is_positive_symmetric_and_scales(distance, degrees, unit):
    right, left = crps([distance, -distance], [0.0, 0.0], [1.0, 1.0], degrees)
    assert right > 0
    assert left == pytest.approx(right, rel=1e-9)
    assert crps([unit * distance], [0.0], [unit], degrees) == pytest.approx(unit * right, rel=1e-9)


@pytest.mark.parametrize("level", [0.01, 0.05, 0.5, 0.9])
@pytest.mark.parametrize("degrees", [1.0, 4.0, 1e8])
def test_pinball_takes_the_quantile_of_scipy(forecast, degrees, level):
    realised, mean, scale = forecast
    miss = realised - stats.t.ppf(level, degrees, mean, scale)
    expected = np.maximum(level * miss, (level - 1) * miss)
    np.testing.assert_allclose(pinball_loss(*forecast, degrees, level), expected, atol=1e-12)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 5, math.nan])
def test_level_must_be_inside_zero_and_one(level):
    with pytest.raises(InvalidConfig, match=rf"^level must .* got {level!r}"):
        pinball_loss([0.0], [0.0], [1.0], 4.0, level)


@pytest.mark.parametrize("degrees", [2.1, 4.0, 1e8])
def test_qlike_takes_the_variance_of_scipy(forecast, degrees):
    realised, _, scale = forecast
    variance = stats.t.var(degrees, scale=scale)
    expected = np.log(variance) + realised**2 / variance
    np.testing.assert_allclose(qlike(realised, scale, degrees), expected, rtol=1e-9)


def test_qlike_of_no_move_is_finite():
    assert qlike([0.0], [1e-200], 4.0) == pytest.approx(math.log(2) - 400 * math.log(10))


def test_true_variance_has_the_least_loss_on_average():
    # Squared returns are a noisy proxy, and still the truth is ranked first.
    rng = np.random.default_rng(3)
    scale = rng.uniform(0.005, 0.03, 20_000)
    realised = scale * rng.standard_t(6, scale.size)
    loss = {k: qlike(realised, k * scale, 6.0).mean() for k in (0.8, 1.0, 1.25)}
    assert min(loss, key=loss.get) == 1.0


@pytest.mark.parametrize("score", [*WITH_MEAN, qlike_about_mean])
class TestDegreesOfEachRow:
    def test_each_row_takes_its_own(self, forecast, score):
        degrees = np.geomspace(2.01, 1e8, 200)
        alone = [
            score([r], [m], [s], nu)[0] for r, m, s, nu in zip(*forecast, degrees, strict=True)
        ]
        np.testing.assert_array_equal(score(*forecast, degrees), alone)

    def test_equal_degrees_are_one_number(self, forecast, score):
        np.testing.assert_array_equal(score(*forecast, np.full(200, 4.0)), score(*forecast, 4))

    def test_no_rows_have_no_scores(self, score):
        assert score([], [], [], []).shape == score([], [], [], 4.0).shape == (0,)


@pytest.mark.parametrize(("score", "least"), [(crps, 1), (qlike_about_mean, 2)])
def test_scores_that_need_moments_refuse_few_degrees(score, least):
    with pytest.raises(InvalidConfig, match=f"must be above {least} and finite, got {least}.0;"):
        score([0.0], [0.0], [1.0], least)


@pytest.mark.parametrize("score", WITH_MEAN)
class TestRefusals:
    @pytest.mark.parametrize("scale", [0.0, -1.0])
    def test_scale_must_be_positive(self, score, scale):
        with pytest.raises(InvalidConfig, match=rf"scale must be positive, but value 1 is {scale}"):
            score([0.0, 0.0], [0.0, 0.0], [1.0, scale], 4.0)

    @pytest.mark.parametrize("degrees", [0, -1.0, math.nan, math.inf])
    def test_degrees_must_be_positive(self, score, degrees):
        with pytest.raises(InvalidConfig, match=rf"^degrees_of_freedom .* got {degrees!r}"):
            score([0.0], [0.0], [1.0], degrees)

    def test_degrees_of_each_row_must_be_positive(self, score):
        with pytest.raises(InvalidConfig, match=r"got 0\.0 at row 1 \(2 such rows\)"):
            score([0.0] * 3, [0.0] * 3, [1.0] * 3, [4.0, 0.0, -1.0])

    def test_degrees_are_one_or_one_for_each_row(self, score):
        with pytest.raises(InvalidConfig, match=r"one number or \(3,\), got \(2,\)"):
            score([0.0] * 3, [0.0] * 3, [1.0] * 3, [4.0, 4.0])

    def test_values_must_be_finite(self, score):
        with pytest.raises(InvalidConfig, match="mean must be finite, but value 1 is nan"):
            score([0.0, 0.0], [0.0, math.nan], [1.0, 1.0], 4.0)

    def test_lengths_must_agree(self, score):
        with pytest.raises(InvalidConfig, match=r"one length, got .*'mean': \(1,\)"):
            score([0.0, 0.0], [0.0], [1.0, 1.0], 4.0)


def test_docstring_examples_print_what_they_say():
    result = doctest.testmod(scores)
    assert (result.attempted, result.failed) == (4, 0)
