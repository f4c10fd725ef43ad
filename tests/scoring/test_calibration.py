"""Calibration against scipy, simulations with stated seeds and hand-made cases."""

import doctest
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import signal, special, stats

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring import calibration
from ordinis_mlflow.scoring.calibration import (
    brier_score,
    expected_calibration_error,
    log_loss_nats,
    pit_test,
    pit_uniformity,
    reliability,
)


def series(least=1, low=-10.0, high=10.0):
    return hnp.arrays(np.float64, st.integers(least, 40), elements=st.floats(low, high))


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


def test_uniformity_of_no_value_is_refused():
    with pytest.raises(InvalidConfig, match="needs at least 1 values, got 0"):
        pit_uniformity([])


# pit_test


def autocorrelated(phi, series, n, seed):
    """(series, n) uniform transforms of a Gaussian AR(1), which is the null hypothesis."""
    noise = np.random.default_rng(seed).standard_normal((series, n + 200))
    x = signal.lfilter([math.sqrt(1 - phi**2)], [1, -phi], noise, axis=1)
    return special.ndtr(x[:, 200:])


@pytest.mark.parametrize(
    ("phi", "lags", "size"),
    [(0.0, 0, 0.05), (0.0, 20, 0.03), (0.5, 9, 0.06), (0.5, 20, 0.05), (0.8, 20, 0.08)],
)
def test_share_of_true_forecasts_that_are_rejected_is_as_documented(phi, lags, size):
    transforms = autocorrelated(phi, 500, 750, seed=1)
    rejected = np.mean([pit_test(pit, lags).p_value < 0.05 for pit in transforms])
    assert rejected == pytest.approx(size, abs=0.03)  # 3 standard errors of 500 series, at least


def test_ignoring_dependence_rejects_far_too_often():
    transforms = autocorrelated(0.8, 200, 750, seed=2)
    assert np.mean([pit_test(pit, 0).p_value < 0.05 for pit in transforms]) > 0.3


@pytest.mark.parametrize("wrong", [lambda x: 1.2 * x, lambda x: 0.8 * x, lambda x: x + 0.2])
def test_wrong_scale_or_location_is_found(wrong):
    x = special.ndtri(autocorrelated(0.0, 50, 750, seed=3))
    assert np.mean([pit_test(special.ndtr(wrong(one)), 4).p_value < 0.05 for one in x]) > 0.9


def test_pit_statistic_without_lags_is_two_wald_tests():
    u = np.random.default_rng(4).uniform(size=200)
    y = math.sqrt(12) * (u - 0.5)
    expected = 0.0
    for moments in (np.stack([y, y**3]), np.stack([y**2 - 1, y**4 - 9 / 5])):
        mean = moments.mean(axis=1)
        expected += 200 * mean @ np.linalg.inv(moments @ moments.T / 200) @ mean
    got = pit_test(u, 0)
    assert got.statistic == pytest.approx(expected, rel=1e-9)
    assert got.p_value == pytest.approx(stats.chi2.sf(expected, 4), rel=1e-9)


@given(st.integers(0, 5), st.integers(0, 2**32 - 1))
def test_mirrored_transforms_have_the_same_statistic(lags, seed):
    u = np.random.default_rng(seed).uniform(size=60)
    assert pit_test(1 - u, lags).statistic == pytest.approx(pit_test(u, lags).statistic, rel=1e-6)


def test_rows_of_one_date_count_as_one():
    # Two symbols that always move alike tell as much as one: the statistic does not double.
    u = np.random.default_rng(5).uniform(size=100)
    days = np.datetime64("2024-01-01") + np.arange(100)
    twice, dates = np.concatenate([u, u]), np.concatenate([days, days])
    order = np.random.default_rng(6).permutation(200)
    got = pit_test(twice[order], 3, dates[order])
    assert got.statistic == pytest.approx(pit_test(u, 3).statistic, rel=1e-9)


@pytest.mark.parametrize("pit", [[0.5] * 200, [0.0] * 200, [1.0] * 200, [0.4, 0.6] * 100])
@pytest.mark.parametrize("lags", [0, 5])
def test_values_all_alike_are_not_uniform(pit, lags):
    # The covariance has no inverse, and the test still an answer: never nan, and no.
    assert pit_test(pit, lags).p_value < 1e-6


@given(hnp.arrays(np.float64, 30, elements=st.floats(0, 1)), st.integers(0, 29))
def test_statistic_is_finite_for_all_values(pit, lags):
    got = pit_test(pit, lags)
    assert math.isfinite(got.statistic)
    assert got.statistic >= 0
    assert 0 <= got.p_value <= 1


def test_pit_test_refuses_too_few_values_bad_lags_and_dates():
    u = np.linspace(0.05, 0.95, 10)
    with pytest.raises(InvalidConfig, match="pit needs at least 8 values, got 7"):
        pit_test(u[:7], 0)
    with pytest.raises(InvalidConfig, match="lags must be from 0 to 9 for 10 values, got 10"):
        pit_test(u, 10)
    with pytest.raises(InvalidConfig, match="two or more dates, got 1"):
        pit_test(u, 0, np.zeros(10))
    with pytest.raises(InvalidConfig, match="for each of 10 rows and none missing, got 9 with 0"):
        pit_test(u, 0, np.arange(9))


# Probabilities of events


def forecasts(least=1):
    pairs = st.tuples(st.integers(1, 19), st.booleans())
    return st.lists(pairs, min_size=least, max_size=60).map(
        lambda rows: (np.array([p for p, _ in rows]) / 20, np.array([came for _, came in rows]))
    )


@given(forecasts())
def test_losses_are_those_of_the_bernoulli_density(rows):
    probability, happened = rows
    expected = -stats.bernoulli.logpmf(happened.astype(int), probability)
    np.testing.assert_allclose(log_loss_nats(probability, happened), expected, rtol=1e-12)
    np.testing.assert_array_equal(
        brier_score(probability, happened), (probability - happened.astype(float)) ** 2
    )


@pytest.mark.parametrize("loss", [brier_score, log_loss_nats])
def test_truth_has_the_least_expected_loss(loss):
    levels = np.linspace(0.01, 0.99, 99)
    expected = 0.3 * loss(levels, np.ones(99)) + 0.7 * loss(levels, np.zeros(99))
    assert levels[np.argmin(expected)] == pytest.approx(0.3)


@pytest.mark.parametrize(("probability", "happened"), [(0.0, 1), (1.0, 0)])
def test_wrong_certainty_is_refused_by_the_log_loss_alone(probability, happened):
    with pytest.raises(InvalidConfig, match=rf"value 1 is {probability} \(1 such values\)"):
        log_loss_nats([0.5, probability], [1, happened])
    assert brier_score([probability], [happened])[0] == 1.0


def test_right_certainty_costs_nothing():
    np.testing.assert_array_equal(log_loss_nats([1.0, 0.0], [1, 0]), [0.0, 0.0])


@pytest.mark.parametrize("score", [brier_score, log_loss_nats, reliability])
def test_probability_outside_its_range_is_refused(score):
    with pytest.raises(InvalidConfig, match=r"probability must be .* got -0\.5 to 55\.0 \(8 out"):
        score([0.1, 55.0, -0.5] * 4, [1, 0, 1] * 4)


@given(forecasts(least=12), st.integers(1, 12))
def test_bins_hold_every_row_once_and_agree_with_its_mean(rows, bins):
    probability, happened = rows
    assume(0 < happened.sum() < happened.size)
    diagram = reliability(probability, happened, bins)
    assert 1 <= len(diagram) <= bins
    assert sum(one.count for one in diagram) == probability.size
    for one, following in pairwise(diagram):
        assert one.high < following.low
    for one in diagram:
        inside = (probability >= one.low) & (probability <= one.high)
        assert one.count == inside.sum()
        assert one.mean_probability == pytest.approx(probability[inside].mean())
        assert one.share_happened == pytest.approx(happened[inside].mean())
        variance = (probability[inside] * (1 - probability[inside])).sum()
        assert one.standard_error == pytest.approx(math.sqrt(variance) / one.count)
    apart = [one.count * abs(one.mean_probability - one.share_happened) for one in diagram]
    got = expected_calibration_error(probability, happened, bins)
    assert got == pytest.approx(sum(apart) / probability.size)


def test_bins_are_of_equal_count_where_probabilities_differ():
    probability = np.random.default_rng(0).uniform(size=103)
    diagram = reliability(probability, probability > 0.5)
    assert {one.count for one in diagram} == {10, 11}


def test_constant_forecast_has_one_bin():
    (one,) = reliability([0.5] * 20, [0, 1] * 10)
    assert (one.low, one.high, one.count, one.share_happened) == (0.5, 0.5, 20, 0.5)
    assert one.standard_error == pytest.approx(0.5 / math.sqrt(20))


def test_error_by_chance_is_as_documented():
    rng = np.random.default_rng(1)
    errors = []
    for _ in range(200):
        probability = rng.uniform(0.45, 0.55, 750)
        errors.append(expected_calibration_error(probability, rng.uniform(size=750) < probability))
    assert np.mean(errors) == pytest.approx(0.046, abs=0.002)


@pytest.mark.parametrize("score", [reliability, expected_calibration_error])
class TestReliabilityRefusals:
    @pytest.mark.parametrize("kind", [0, 1])
    def test_one_kind_of_event(self, score, kind):
        with pytest.raises(InvalidConfig, match=f"that came and others .* got 12 times {kind};"):
            score(np.linspace(0.1, 0.9, 12), [kind] * 12)

    def test_fewer_rows_than_bins(self, score):
        with pytest.raises(InvalidConfig, match="probability needs at least 10 values, got 2"):
            score([0.5, 0.6], [0, 1])

    @pytest.mark.parametrize("bins", [0, -3])
    def test_bins_must_be_positive(self, score, bins):
        with pytest.raises(InvalidConfig, match=f"bins must be 1 or more, got {bins}"):
            score([0.5, 0.6], [0, 1], bins)


def test_event_that_is_neither_zero_nor_one_is_refused():
    with pytest.raises(InvalidConfig, match=r"happened must be 0 or 1, but value 1 is -0\.02"):
        brier_score([0.5, 0.5], [1, -0.02])


def test_docstring_examples_print_what_they_say():
    result = doctest.testmod(calibration)
    assert (result.attempted, result.failed) == (6, 0)
