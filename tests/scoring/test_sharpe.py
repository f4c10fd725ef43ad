"""A Sharpe ratio's moments and error: published numbers and scipy."""

import doctest
import math

import numpy as np
import pytest
from scipy import stats

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring import performance
from ordinis_mlflow.scoring import sharpe as room
from ordinis_mlflow.scoring.sharpe import SharpeMoments, sharpe_moments, standard_error_of_sharpe

RETURNS = np.random.default_rng(11).standard_t(5, 400) * 0.01 + 0.001


@pytest.mark.parametrize(
    ("skewness", "kurtosis", "per_bar", "expected"),
    [(-0.2250, 2.957, 0.7079, 0.1028), (-1.4455, 7.0497, 0.8183, 0.1550)],
)
def test_sharpe_error_gives_reference_numbers(skewness, kurtosis, per_bar, expected):
    # 134 monthly returns; the reference divides by n - 1.
    moments = SharpeMoments(per_bar, 134, skewness, kurtosis)
    got = standard_error_of_sharpe(moments, 134 - 1)
    assert got == pytest.approx(expected, abs=5e-5)


def test_sharpe_error_of_normal_returns_is_that_of_lo():
    got = standard_error_of_sharpe(SharpeMoments(0.5, 100), 100)
    assert got == pytest.approx(math.sqrt((1 + 0.5**2 / 2) / 100))


def test_sharpe_error_takes_the_moments_of_scipy():
    moments = SharpeMoments(
        RETURNS.mean() / RETURNS.std(ddof=1),
        RETURNS.size,
        stats.skew(RETURNS),
        stats.kurtosis(RETURNS, fisher=False),
    )
    per_bar = standard_error_of_sharpe(moments, RETURNS.size)
    assert performance.sharpe_standard_error(RETURNS, 252) == pytest.approx(
        per_bar * math.sqrt(252)
    )


def test_sharpe_error_refuses_no_returns():
    with pytest.raises(InvalidConfig, match="n must be a positive number of returns, got 0"):
        standard_error_of_sharpe(SharpeMoments(0.5, 10), 0)


def test_moments_are_those_of_scipy():
    got = sharpe_moments(RETURNS)
    assert got.n == 400
    assert got.sharpe == pytest.approx(RETURNS.mean() / RETURNS.std(ddof=1))
    assert got.skewness == pytest.approx(stats.skew(RETURNS))
    assert got.kurtosis == pytest.approx(stats.kurtosis(RETURNS, fisher=False))


def test_portfolio_that_never_traded_has_the_moments_of_a_normal_one():
    assert sharpe_moments([0.0] * 5) == SharpeMoments(0.0, 5, 0.0, 3.0)


@pytest.mark.parametrize("unit", [1e-300, 1e-9, 1e9, 1e300])
def test_moments_do_not_depend_on_the_unit(unit):
    got, expected = sharpe_moments(unit * RETURNS), sharpe_moments(RETURNS)
    assert got.sharpe == pytest.approx(expected.sharpe)
    assert got.skewness == pytest.approx(expected.skewness)
    assert got.kurtosis == pytest.approx(expected.kurtosis)


def test_moments_that_no_returns_have_are_refused():
    with pytest.raises(InvalidConfig, match=r"kurtosis >= skewness² \+ 1 must hold"):
        SharpeMoments(0.1, 100, skewness=-2.0, kurtosis=3.0)
    with pytest.raises(InvalidConfig, match="n >= 2 and finite moments"):
        SharpeMoments(math.nan, 100)
    with pytest.raises(InvalidConfig, match="n >= 2 and finite moments"):
        SharpeMoments(0.1, 1)


def test_returns_of_two_values_are_at_the_edge_and_accepted():
    assert sharpe_moments([0.01, 0.01, -0.02]).kurtosis == pytest.approx(1.5)


def test_docstring_examples_print_what_they_say():
    result = doctest.testmod(room)
    assert (result.attempted, result.failed) == (2, 0)
