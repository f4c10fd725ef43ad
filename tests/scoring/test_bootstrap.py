"""The stationary bootstrap against arch, simulated truth and cases by hand."""

import doctest
import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring import bootstrap
from ordinis_mlflow.scoring.bootstrap import (
    Interval,
    Resamples,
    block_length,
    interval,
    resample,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from arch.bootstrap import StationaryBootstrap, optimal_block_length

RNG = np.random.default_rng(3)
DRAWS = resample(60, 4.5, samples=50, seed=9)
BY_HAND = Resamples(np.array([[0, 0, 2], [1, 2, 0]], np.int32))


def autoregression(rng, n, coefficient):
    """(n,) e[t] + coefficient · x[t-1], stationary, mean 0."""
    x = rng.standard_normal(n)
    x[0] /= math.sqrt(1 - coefficient**2)
    for t in range(1, n):
        x[t] += coefficient * x[t - 1]
    return x


def series(least=bootstrap.LEAST, low=-10.0, high=10.0):
    return hnp.arrays(np.float64, st.integers(least, 60), elements=st.floats(low, high))


def test_docstrings_say_what_happens():
    assert doctest.testmod(bootstrap, optionflags=doctest.ELLIPSIS) == (0, 4)


# block_length


@pytest.mark.parametrize("coefficient", [0.3, 0.6, 0.9])
def test_block_length_is_that_of_arch(coefficient):
    x = autoregression(np.random.default_rng(1), 2000, coefficient)
    expected = optimal_block_length(x)["stationary"].iloc[0]
    assert expected > 1
    assert block_length(x) == pytest.approx(expected, rel=1e-9)


def test_block_length_is_the_longest_of_all():
    rng = np.random.default_rng(2)
    short, long = (autoregression(rng, 1000, coefficient) for coefficient in (0.1, 0.8))
    assert block_length(short, long) == block_length(long, short) == block_length(long)
    assert block_length(short) < block_length(long)


@pytest.mark.parametrize("constant", [0.0, 0.1, -3.0])
def test_block_length_of_a_constant_is_one(constant):
    assert block_length([constant] * 20) == 1.0


@given(series())
def test_block_length_is_between_its_bounds(x):
    assert 1 <= block_length(x) <= math.ceil(min(3 * math.sqrt(x.size), x.size / 3))


@given(series(low=-1e-300, high=1e-300))
def test_block_length_of_tiny_values_is_between_its_bounds(x):
    assert 1 <= block_length(x) <= math.ceil(min(3 * math.sqrt(x.size), x.size / 3))


def test_block_length_where_the_long_run_variance_is_nothing():
    assert 1 <= block_length(np.resize([1.0, -1.0], 100)) <= 30


@pytest.mark.parametrize(
    ("given_series", "message"),
    [
        ([], "at least one series, got none"),
        ([[1.0] * 7], "series 0 needs at least 8 values, got 7"),
        ([[1.0] * 8, [math.nan] * 8], "series 1 must be finite, but value 0 is nan"),
        ([[1.0] * 8, [1.0] * 9], "arrays of one length"),
    ],
)
def test_block_length_refuses(given_series, message):
    with pytest.raises(InvalidConfig, match=message):
        block_length(*given_series)


# resample


def test_counts_are_those_of_the_index():
    for counts, drawn in zip(DRAWS.counts, DRAWS.index, strict=True):
        np.testing.assert_array_equal(counts, [np.sum(drawn == date) for date in range(60)])
    np.testing.assert_array_equal(DRAWS.counts.sum(axis=1), 60)


@pytest.mark.parametrize("block", [1.0, 4.5, 20.0])
def test_means_are_those_of_arch_with_the_same_seed(block):
    x = np.random.default_rng(0).standard_normal((300, 2))
    expected = StationaryBootstrap(block, x, seed=5).apply(lambda y: y.mean(axis=0), 200)
    got = resample(300, block, samples=200, seed=5).means(x)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-14)
    np.testing.assert_allclose(DRAWS.means(x[:60, 0]), DRAWS.means(x[:60])[:, 0], atol=1e-15)


@pytest.mark.parametrize("block", [1.0, 3.0, 10.0])
def test_blocks_have_the_mean_length(block):
    index = resample(500, block, samples=200).index
    follows = np.diff(index, axis=1) % 500 == 1
    # A new block also follows by chance, one time in 500; four standard errors of the share.
    share = 1 - 1 / block + 1 / block / 500
    assert follows.mean() == pytest.approx(share, abs=4 * math.sqrt(0.25 / follows.size))


def test_the_seed_decides_the_draw():
    np.testing.assert_array_equal(resample(60, 4.5, 50, seed=9).index, DRAWS.index)
    assert (resample(60, 4.5, 50, seed=8).index != DRAWS.index).any()
    assert (DRAWS.samples, DRAWS.n) == (50, 60)


@pytest.mark.parametrize(
    ("name", "value"),
    [("n", 7), ("samples", 0), ("samples", -5), ("seed", -1)]
    + [("block", value) for value in (0.5, math.nan, math.inf)],
)
def test_resample_refuses(name, value):
    with pytest.raises(InvalidConfig, match=f"samples >= 1 and seed >= 0, got .*{name}={value}"):
        resample(**({"n": 20, "block": 2.0} | {name: value}))


# means, ratios, paths


def test_means_ratios_and_paths_by_hand():
    values, weights = np.array([3.0, 6.0, 9.0]), np.array([1.0, 2.0, 0.0])
    np.testing.assert_allclose(BY_HAND.means(values), [5.0, 6.0])
    np.testing.assert_allclose(BY_HAND.ratios(values, weights), [15 / 2, 18 / 3])
    (path,) = BY_HAND.paths(values)
    np.testing.assert_array_equal(path, [[3, 3, 9], [6, 9, 3]])


def test_ratios_with_weights_of_either_shape():
    rng = np.random.default_rng(0)
    sums, weights = rng.standard_normal((60, 3)), rng.integers(1, 9, 60)
    got = DRAWS.ratios(sums, weights)
    np.testing.assert_allclose(got, DRAWS.ratios(sums, np.repeat(weights[:, None], 3, axis=1)))
    np.testing.assert_allclose(got[:, 1], DRAWS.ratios(sums[:, 1], weights))
    np.testing.assert_allclose(DRAWS.ratios(sums, np.ones(60)), DRAWS.means(sums))


def test_a_ratio_without_weight_is_nan():
    got = BY_HAND.ratios([0.0, 5.0, 0.0], [0.0, 1.0, 0.0])
    np.testing.assert_array_equal(got, [math.nan, 5.0])


@pytest.mark.parametrize("rows", [1, 16, 50, 64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_paths_are_the_values_at_the_index(rows, dtype):
    values = np.arange(60, dtype=dtype) ** 2
    chunks = [chunk.copy() for chunk in DRAWS.paths(values, rows)]
    np.testing.assert_array_equal(np.concatenate(chunks), values[DRAWS.index])
    assert chunks[0].dtype == dtype


def test_values_that_are_not_one_per_date_are_refused():
    with pytest.raises(InvalidConfig, match=r"values must be finite, of shape \(60,\) .* \(59,\)"):
        DRAWS.means(np.zeros(59))
    with pytest.raises(InvalidConfig, match="with 1 values that are not finite"):
        DRAWS.means(np.append(np.zeros(59), math.nan))
    with pytest.raises(InvalidConfig, match="weights must be counts of shape"):
        DRAWS.ratios(np.zeros(60), np.zeros((60, 2)))
    with pytest.raises(InvalidConfig, match=r"a least of -1\.0"):
        DRAWS.ratios(np.zeros(60), -np.ones(60))


# interval


def test_interval_by_hand():
    assert interval(np.arange(101.0), level=0.5) == Interval(25.0, 75.0, 0.5)
    assert interval([*np.arange(101.0), math.nan], level=0.5) == Interval(25.0, 75.0, 0.5)
    nothing = interval([math.nan])
    assert math.isnan(nothing.low)
    assert math.isnan(nothing.high)


@given(series(), st.floats(0.01, 0.99))
def test_interval_is_inside_the_values_and_ordered(values, level):
    got = interval(values, level)
    assert values.min() <= got.low <= got.high <= values.max()


@pytest.mark.parametrize("level", [0, 1, 95, math.nan])
def test_interval_refuses_a_level_that_is_none(level):
    with pytest.raises(InvalidConfig, match=f"level must be between 0 and 1, got {level}"):
        interval([1.0, 2.0], level)


def test_interval_refuses_infinity_and_tables():
    with pytest.raises(InvalidConfig, match="values must be finite, but value 1 is inf"):
        interval([0.0, math.inf])
    with pytest.raises(InvalidConfig, match="one-dimensional"):
        interval([[0.0, 1.0]])


def test_interval_covers_the_mean_of_an_autoregression():
    # 200 series of 400 values, seed 0. Percentile intervals are somewhat short in small samples:
    # 0.95 is the aim, 0.87 to 0.99 is what 200 series can tell from it; without blocks it is 0.75.
    rng = np.random.default_rng(0)
    hits = {"block": 0, "iid": 0}
    for seed in range(200):
        x = autoregression(rng, 400, 0.5)
        for kind, block in (("block", block_length(x)), ("iid", 1.0)):
            found = interval(resample(400, block, samples=300, seed=seed).means(x))
            hits[kind] += found.low <= 0 <= found.high
    assert 0.87 <= hits["block"] / 200 <= 0.99
    assert hits["iid"] / 200 < 0.82
