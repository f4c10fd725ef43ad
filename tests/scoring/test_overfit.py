"""Overfitting: published numbers, a brute-force oracle and invariants."""

import doctest
import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring import overfit
from ordinis_mlflow.scoring.overfit import (
    deflated_sharpe,
    expected_maximum_sharpe,
    minimum_track_record_length,
    probabilistic_sharpe,
    probability_of_overfitting,
)
from ordinis_mlflow.scoring.sharpe import SharpeMoments, sharpe_moments

RETURNS = np.random.default_rng(11).standard_t(5, 400) * 0.01 + 0.001
BEST = SharpeMoments(2.5 / math.sqrt(250), 1250, skewness=-3.0, kurtosis=10.0)


# Against luck and the number of trials


@pytest.mark.parametrize(
    ("skewness", "kurtosis", "expected"), [(0.0, 3.0, 0.982), (-2.448, 10.164, 0.913)]
)
def test_probabilistic_sharpe_gives_published_numbers(skewness, kurtosis, expected):
    got = probabilistic_sharpe(SharpeMoments(0.458, 24, skewness, kurtosis))
    assert got == pytest.approx(expected, abs=5e-4)


def test_deflated_sharpe_gives_the_published_number():
    # Published as 0.9004; the digits are from the formula in 30-digit arithmetic.
    assert deflated_sharpe(BEST, 0.5 / 250, 100) == pytest.approx(0.900396834449391, abs=1e-12)


def test_expected_maximum_of_100_normals():
    assert expected_maximum_sharpe(1.0, 100) == pytest.approx(2.530602893201683, abs=1e-12)


@pytest.mark.parametrize("trials", [2, 10, 100, 10_000])
def test_expected_maximum_is_near_the_integral(trials):
    def density(x):
        return x * trials * stats.norm.pdf(x) * stats.norm.cdf(x) ** (trials - 1)

    exact, _ = integrate.quad(density, -10, 10)
    # The formula is for many trials: 8 % low for two of them, within 2 % from ten.
    assert expected_maximum_sharpe(1.0, trials) == pytest.approx(exact, rel=0.1)
    if trials >= 10:
        assert expected_maximum_sharpe(1.0, trials) == pytest.approx(exact, rel=0.025)


@given(st.integers(1, 10**9), st.floats(0, 10))
def test_expected_maximum_grows_with_trials_and_their_spread(trials, variance):
    now = expected_maximum_sharpe(variance, trials)
    assert 0 <= now <= expected_maximum_sharpe(variance, trials + 1)
    assert expected_maximum_sharpe(4 * variance, trials) == pytest.approx(2 * now)


def test_one_trial_is_not_deflated():
    assert expected_maximum_sharpe(1.0, 1) == 0.0
    assert deflated_sharpe(RETURNS, 1.0, 1) == probabilistic_sharpe(RETURNS)


@pytest.mark.parametrize(
    ("years_of", "sharpe", "benchmark", "skewness", "kurtosis", "expected"),
    [
        (250, 2.0, 1.0, 0.0, 3.0, 2.73),
        (52, 2.0, 1.0, 0.0, 3.0, 2.83),
        (12, 2.0, 1.0, 0.0, 3.0, 3.24),
        (12, 2.0, 1.0, -0.72, 5.78, 4.99),
    ],
)
def test_minimum_track_record_gives_published_years(
    years_of, sharpe, benchmark, skewness, kurtosis, expected
):
    root = math.sqrt(years_of)
    moments = SharpeMoments(sharpe / root, 1000, skewness, kurtosis)
    bars = minimum_track_record_length(moments, benchmark / root)
    assert bars / years_of == pytest.approx(expected, abs=0.01)


@given(st.floats(0.01, 0.5), st.floats(0.5, 0.999))
def test_minimum_track_record_is_where_the_probability_is_the_confidence(sharpe, confidence):
    moments = SharpeMoments(sharpe, 100, -1.0, 8.0)
    bars = minimum_track_record_length(moments, confidence=confidence)
    variance = 1 + sharpe**2 / 2 + sharpe + 5 / 4 * sharpe**2
    reached = stats.norm.cdf(sharpe * math.sqrt((bars - 1) / variance))
    assert reached == pytest.approx(confidence)


@pytest.mark.parametrize("score", [probabilistic_sharpe, minimum_track_record_length])
class TestSharpeArguments:
    def test_returns_stand_for_their_moments(self, score):
        assert score(RETURNS) == score(sharpe_moments(RETURNS))

    @pytest.mark.parametrize("benchmark", [math.nan, math.inf])
    def test_benchmark_must_be_finite(self, score, benchmark):
        with pytest.raises(InvalidConfig, match=f"benchmark must be finite, .* got {benchmark}"):
            score(BEST, benchmark)

    def test_two_values_whose_error_is_zero_are_refused(self, score):
        edge = SharpeMoments(1.0, 10, skewness=2.0, kurtosis=5.0)
        with pytest.raises(InvalidConfig, match="error of a Sharpe ratio must be above 0"):
            score(edge)

    def test_constant_returns_are_refused(self, score):
        with pytest.raises(InvalidConfig, match="returns that vary"):
            score([0.1] * 5)


def test_portfolio_that_never_traded_is_at_even_odds():
    assert probabilistic_sharpe([0.0] * 10) == 0.5


@pytest.mark.parametrize("benchmark", [0.5, BEST.sharpe])
def test_what_no_record_would_prove_is_refused(benchmark):
    with pytest.raises(InvalidConfig, match=r"must be above the benchmark, got 0\.158114 and"):
        minimum_track_record_length(BEST, benchmark)


@pytest.mark.parametrize("confidence", [0.49, 1.0, math.nan])
def test_confidence_out_of_range_is_refused(confidence):
    with pytest.raises(InvalidConfig, match=f"confidence must be .* got {confidence}"):
        minimum_track_record_length(BEST, confidence=confidence)


@pytest.mark.parametrize(
    ("variance", "trials"), [(-1.0, 5), (math.nan, 5), (math.inf, 5), (1.0, 0), (1.0, math.inf)]
)
def test_impossible_trials_are_refused(variance, trials):
    with pytest.raises(InvalidConfig, match=f"variance_of_trials={variance}, trials={trials}"):
        expected_maximum_sharpe(variance, trials)


# Combinatorially symmetric cross-validation


def by_brute_force(returns, blocks):
    """Chosen and later Sharpe ratio and logit of each choice, rows in the order of the halves."""
    edges = np.arange(blocks + 1) * len(returns) // blocks
    parts = [returns[edges[i] : edges[i + 1]] for i in range(blocks)]
    rows = []
    for half in combinations(range(blocks), blocks // 2):
        mine = np.concatenate([parts[i] for i in half])
        other = np.concatenate([parts[i] for i in range(blocks) if i not in half])
        first, second = (x.mean(axis=0) / x.std(axis=0, ddof=1) for x in (mine, other))
        best = int(np.argmax(first))
        omega = stats.rankdata(second)[best] / (returns.shape[1] + 1)
        rows.append((first[best], second[best], math.log(omega / (1 - omega))))
    return np.array(rows).T


@pytest.mark.parametrize(("rows", "blocks", "n"), [(60, 6, 4), (67, 6, 5), (41, 8, 3), (30, 2, 2)])
def test_choices_are_those_of_brute_force(rows, blocks, n):
    returns = np.random.default_rng(rows).normal(0.05, 0.01, (rows, n))
    got = probability_of_overfitting(returns, blocks)
    chosen, later, logits = by_brute_force(returns, blocks)
    np.testing.assert_allclose(got.chosen_sharpe, chosen, rtol=1e-6)
    np.testing.assert_allclose(got.later_sharpe, later, rtol=1e-6)
    np.testing.assert_allclose(got.logits, logits, atol=1e-12)
    assert got.pbo == np.mean(logits < 0) + np.mean(logits == 0) / 2
    assert got.probability_of_loss == np.mean(later < 0)


def test_choosing_among_noise_is_worth_nothing():
    rng = np.random.default_rng(0)
    shares = [probability_of_overfitting(rng.normal(size=(400, 10)), 10).pbo for _ in range(200)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.05)  # 3 standard errors


def test_a_dominating_strategy_is_chosen_and_stays_best():
    returns = np.random.default_rng(1).normal(size=(1000, 9))
    returns[:, 4] += 0.5
    got = probability_of_overfitting(returns)
    assert got.pbo == 0.0
    assert got.logits.shape == (math.comb(16, 8),)
    assert (got.logits == math.log(9)).all()


def test_what_wins_one_half_by_losing_the_other_is_overfit():
    # Each strategy gains in blocks of its own and loses in the others.
    returns = np.random.default_rng(2).normal(size=(800, 8)) * 0.01
    for k in range(8):
        returns[:, k] -= 0.01
        returns[100 * k : 100 * (k + 1), k] += 0.08
    assert probability_of_overfitting(returns, 8).pbo > 0.9


@given(st.permutations(range(5)), st.floats(1e-3, 1e3))
def test_order_and_leverage_of_strategies_do_not_matter(order, leverage):
    returns = np.random.default_rng(3).normal(size=(90, 5))
    returns[:, 1] = returns[:, 0]  # a tie, which must not depend on the order either
    before = probability_of_overfitting(returns, 6)
    after = probability_of_overfitting(leverage * returns[:, order], 6)
    np.testing.assert_allclose(after.logits, before.logits, atol=1e-12)
    np.testing.assert_allclose(after.later_sharpe, before.later_sharpe, atol=1e-9)


def test_equal_strategies_are_at_even_odds():
    one = np.random.default_rng(4).normal(size=(100, 1))
    got = probability_of_overfitting(np.repeat(one, 4, axis=1), 10)
    assert got.pbo == 0.5
    assert (got.logits == 0).all()


def test_half_without_a_trade_has_sharpe_zero():
    rng = np.random.default_rng(5)
    returns = rng.normal(-0.5, 0.1, (100, 2))
    returns[:50, 1] = 0.0
    got = probability_of_overfitting(returns, 2)
    assert got.chosen_sharpe[0] == 0.0  # idle, and better than losing
    assert got.later_sharpe[0] < 0.0


def test_large_mean_keeps_its_digits():
    returns = np.random.default_rng(6).normal(0, 1e-6, (60, 3)) + 1.0
    got = probability_of_overfitting(returns, 6)
    np.testing.assert_allclose(got.chosen_sharpe, by_brute_force(returns, 6)[0], rtol=1e-6)


@pytest.mark.parametrize("blocks", [0, 1, 7, 22, -2])
def test_blocks_out_of_range_are_refused(blocks):
    with pytest.raises(InvalidConfig, match=f"blocks must be even and 2 to 20, got {blocks}"):
        probability_of_overfitting(np.zeros((100, 2)), blocks)


@pytest.mark.parametrize("shape", [(31, 4), (100, 1), (100,), (100, 2, 2)])
def test_too_few_bars_or_strategies_are_refused(shape):
    with pytest.raises(InvalidConfig, match=r"T >= 32 and N >= 2 strategies, got \("):
        probability_of_overfitting(np.random.default_rng(0).normal(size=shape))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_missing_return_is_refused(bad):
    returns = np.random.default_rng(0).normal(size=(100, 3))
    returns[7, 2] = bad
    with pytest.raises(InvalidConfig, match="must be finite and vary, but column 2"):
        probability_of_overfitting(returns)


@pytest.mark.parametrize("constant", [0.0, 0.1])
def test_constant_strategy_is_refused(constant):
    returns = np.random.default_rng(0).normal(size=(100, 3))
    returns[:, 1] = constant
    with pytest.raises(InvalidConfig, match="must be finite and vary, but column 1"):
        probability_of_overfitting(returns)
    returns[50:, 1] += returns[50:, 0]
    if constant:
        with pytest.raises(InvalidConfig, match="vary on each half, but column 1"):
            probability_of_overfitting(returns, 2)


def test_docstring_examples_print_what_they_say():
    result = doctest.testmod(overfit)
    assert (result.attempted, result.failed) == (10, 0)
