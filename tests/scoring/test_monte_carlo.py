"""Resampled wealth against a closed form, the scores of one path, and cases by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring.bootstrap import LEAST, Resamples, block_length, resample
from ordinis_mlflow.scoring.monte_carlo import LEVELS, drawdown_and_growth, monte_carlo
from ordinis_mlflow.scoring.performance import max_drawdown_fraction, wealth

RETURNS = np.random.default_rng(11).standard_t(5, 400) * 0.01 + 0.0005


def some_returns(low=-1.5, high=1.0):
    elements = st.floats(low, high)
    arrays = hnp.arrays(np.float64, st.integers(LEAST, 60), elements=elements)
    return arrays.filter(lambda returns: np.ptp(returns) > 0)


# monte_carlo


@pytest.mark.parametrize("method", ["iid", "block"])
def test_paths_are_the_wealth_of_the_drawn_returns(method):
    got = monte_carlo(RETURNS, method, samples=30, seed=4)
    assert got.block == (1.0 if method == "iid" else block_length(RETURNS, RETURNS**2))
    drawn = RETURNS[resample(400, got.block, samples=30, seed=4).index]
    expected = np.stack([wealth(path) for path in drawn])
    np.testing.assert_allclose(got.terminal_wealth, expected[:, -1], rtol=1e-12)
    np.testing.assert_allclose(got.wealth_bands, np.quantile(expected, LEVELS, axis=0), rtol=1e-12)
    deepest = [max_drawdown_fraction(path) for path in drawn]
    np.testing.assert_allclose(got.max_drawdown, deepest, rtol=1e-12)


def test_bands_of_independent_bars_are_lognormal():
    # Normal log returns, brought to their exact mean and deviation: the log of wealth after t bars
    # has mean t · m and deviation s · √t. Errors are four standard errors of a sample quantile:
    # √(p (1 - p) / samples) / density.
    m, s, samples = 0.0005, 0.01, 2000
    z = np.random.default_rng(0).standard_normal(4000)
    returns = np.expm1(m + s * (z - z.mean()) / z.std())
    got = monte_carlo(returns, samples=samples, seed=1, bars=250)
    for bars in (10, 100, 250):
        for level, quantile in zip(got.levels, got.wealth_bands[:, bars - 1], strict=True):
            z_level = stats.norm.ppf(level)
            error = math.sqrt(level * (1 - level) / samples) / stats.norm.pdf(z_level)
            z_got = (math.log(quantile) - bars * m) / (s * math.sqrt(bars))
            assert z_got == pytest.approx(z_level, abs=4 * error)
    loss = stats.norm.cdf(-math.sqrt(250) * m / s)
    error = math.sqrt(loss * (1 - loss) / samples)
    assert got.probability_of_loss == pytest.approx(loss, abs=4 * error)


def test_blocks_keep_what_bars_by_themselves_lose():
    # Long calm and long stormy times: drawdowns of blocks are deeper in the bad cases.
    rng = np.random.default_rng(2)
    returns = rng.standard_normal(1500) * np.repeat(rng.choice([0.003, 0.03], 15), 100)
    returns += np.repeat(rng.normal(0, 0.003, 15), 100)
    iid, block = (monte_carlo(returns, method, samples=500) for method in ("iid", "block"))
    assert block.block > 10
    assert block.terminal_wealth.std() > iid.terminal_wealth.std()
    assert block.max_drawdown_quantiles[-1] > iid.max_drawdown_quantiles[-1]


@pytest.mark.parametrize("bars", [1, 50, 400, 401, 1000])
@pytest.mark.parametrize("method", ["iid", "block"])
def test_paths_have_the_length_asked_for(method, bars):
    got = monte_carlo(RETURNS, method, samples=20, bars=bars, levels=(0.1, 0.9))
    assert got.wealth_bands.shape == got.drawdown_bands.shape == (2, bars)
    assert got.terminal_wealth.shape == got.max_drawdown.shape == (20,)


def test_quantiles_of_the_end_are_those_of_the_paths():
    got = monte_carlo(RETURNS, samples=200)
    expected = np.quantile(got.terminal_wealth, LEVELS)
    np.testing.assert_allclose(got.terminal_wealth_quantiles, expected, rtol=1e-12)
    np.testing.assert_allclose(got.max_drawdown_quantiles, np.quantile(got.max_drawdown, LEVELS))
    assert got.probability_of_loss == np.mean(got.terminal_wealth < 1)


@pytest.mark.parametrize("method", ["iid", "block"])
def test_the_seed_decides_the_paths(method):
    first, again, other = (monte_carlo(RETURNS, method, 50, seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.wealth_bands, again.wealth_bands)
    np.testing.assert_array_equal(first.drawdown_bands, again.drawdown_bands)
    assert (first.terminal_wealth != other.terminal_wealth).any()


@given(some_returns(), st.sampled_from(["iid", "block"]), st.integers(0, 9))
def test_drawdowns_are_fractions_and_bands_are_ordered(returns, method, seed):
    got = monte_carlo(returns, method, samples=20, seed=seed)
    for fractions in (got.drawdown_bands, got.max_drawdown):
        assert ((fractions >= 0) & (fractions <= 1)).all()
    for bands in (got.wealth_bands, got.drawdown_bands):
        assert (np.diff(bands, axis=0) >= -1e-12 * bands.max()).all()
    assert (got.terminal_wealth >= 0).all()
    assert (got.max_drawdown >= 1 - got.terminal_wealth - 1e-12).all()


@pytest.mark.parametrize(
    ("returns", "settings", "message"),
    [
        (RETURNS[:7], {}, "returns needs at least 8 values, got 7"),
        ([*RETURNS, math.nan], {}, "returns must be finite, but value 400 is nan"),
        ([0.01] * 9, {}, r"returns that vary, got 9 times 0\.01"),
        (RETURNS, {"method": "normal"}, r"one of \('iid', 'block'\), got 'normal'"),
        (RETURNS, {"samples": -1}, "samples >= 1 .* samples=-1"),
        (RETURNS, {"seed": -1}, "seed >= 0, .* seed=-1"),
        (RETURNS, {"bars": 0}, "bars must be positive, got 0"),
        (RETURNS, {"levels": ()}, r"ascending probabilities, got \(\)"),
        (RETURNS, {"levels": (0.9, 0.1)}, r"ascending probabilities, got \(0\.9, 0\.1\)"),
        (RETURNS, {"levels": (5, 95)}, r"ascending probabilities, got \(5, 95\)"),
        (RETURNS, {"levels": (math.nan,)}, "ascending probabilities, got"),
    ],
)
def test_bad_input_is_refused(returns, settings, message):
    with pytest.raises(InvalidConfig, match=message):
        monte_carlo(returns, **settings)


# drawdown_and_growth


def check_paths(draws, returns):
    drawdown, growth = drawdown_and_growth(draws, returns)
    paths = np.asarray(returns)[draws.index]
    expected = [max_drawdown_fraction(path) for path in paths]
    np.testing.assert_allclose(drawdown, expected, rtol=0, atol=1e-5)
    with np.errstate(divide="ignore"):
        logs = [np.log1p(np.maximum(path, -1)).sum() for path in paths]
    np.testing.assert_allclose(growth, logs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n", [8, 15, 16, 17, 31, 32, 33, 400])
@pytest.mark.parametrize("samples", [1, 16, 17])
def test_drawdown_and_growth_are_those_of_each_path(n, samples):
    check_paths(resample(n, 3.0, samples), 10 * RETURNS[:n])


@given(some_returns(), st.integers(0, 9))
def test_drawdown_and_growth_hold_through_ruin(returns, seed):
    check_paths(resample(returns.size, 3.0, samples=10, seed=seed), returns)


def test_drawdown_and_growth_by_hand():
    draws = Resamples(np.array([[0, 1, 2, 0], [1, 1, 0, 2], [0, 0, 2, 2], [0, 3, 0, 0]], np.int32))
    drawdown, growth = drawdown_and_growth(draws, [1.0, -0.5, 0.5, -2.0])
    np.testing.assert_allclose(drawdown, [0.5, 0.75, 0.0, 1.0], rtol=1e-6)
    np.testing.assert_allclose(np.exp(growth), [3.0, 0.75, 9.0, 0.0])


def test_long_paths_stay_within_the_stated_error():
    check_paths(resample(5000, 6.0, samples=20), np.resize(RETURNS, 5000))


def test_a_return_for_each_date_is_needed():
    with pytest.raises(InvalidConfig, match=r"values must be finite, of shape \(400,\)"):
        drawdown_and_growth(resample(400, 1.0, 2), RETURNS[:399])
