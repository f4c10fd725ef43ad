"""The windowed primitives: Banded equals History, in NumPy and torch, alone and in features."""

import math

import numpy as np
import pytest
import torch
from arch.data import sp500
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.features import TECHNICAL_1, Banded, BarArrays, Feature, FeatureSet, History
from ordinis_mlflow.features.kernels import (
    IDENTITY,
    LEFT_OUT,
    Cascade,
    Difference,
    Geometric,
    Weighted,
    ema,
    exponential,
    wilder,
)
from ordinis_mlflow.features.windowed import banded_matrix, change, newest

COMMON = settings(max_examples=40, deadline=None)
LIBRARIES = {"numpy": np.asarray, "torch": torch.asarray}

every_library = pytest.mark.parametrize("library", list(LIBRARIES))


@st.composite
def windows_of_numbers(draw):
    """Numbers of shape (3, time), a window's length and how many of the newest rows are wanted."""
    n, rows, spare = draw(st.integers(2, 30)), draw(st.integers(1, 40)), draw(st.integers(0, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    level, size = draw(st.sampled_from([0.0, 1.0, 1e3])), draw(st.sampled_from([1e-3, 1.0, 1e3]))
    x = level * size + size * rng.standard_normal((3, n + rows - 1 + spare))
    return x, n, rows, rng.standard_normal(n)


@every_library
@COMMON
@given(case=windows_of_numbers())
def test_filter_is_a_sum_over_the_newest_bars(library, case):
    x, n, rows, weights = case
    expected = sliding_window_view(x, n, axis=-1) @ weights[::-1]
    scale = np.abs(x).max() * np.abs(weights).sum()
    for windowed in (History(), Banded(rows)):
        y = np.asarray(windowed.filter(LIBRARIES[library](x), Weighted(tuple(weights))))
        assert y.shape[-1] == (rows if isinstance(windowed, Banded) else x.shape[-1] - n + 1)
        np.testing.assert_allclose(y[:, -rows:], expected[:, -rows:], rtol=0, atol=1e-14 * scale)


lengths = st.integers(1, 40)
geometric = st.builds(Geometric, st.sampled_from([1.0, 0.5, 0.93, 0.99]), lengths)
kernels = st.recursive(
    geometric | st.lists(st.floats(-2, 2), min_size=1, max_size=9).map(tuple).map(Weighted),
    lambda inner: st.builds(Difference, inner, inner) | st.builds(Cascade, inner, inner),
    max_leaves=4,
)


@every_library
@COMMON
@given(kernel=kernels, spare=st.integers(0, 70), seed=st.integers(0, 2**32 - 1))
def test_every_kernel_slides_as_its_taps_say(library, kernel, spare, seed):
    x = np.random.default_rng(seed).standard_normal((2, kernel.length + spare))
    taps = kernel.taps()
    assert taps.shape == (kernel.length,)
    expected = sliding_window_view(x, kernel.length, axis=-1) @ taps[::-1]
    for windowed in (History(), Banded(spare + 1)):
        y = np.asarray(windowed.filter(LIBRARIES[library](x), kernel))
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-13 * (1 + np.abs(taps).sum()))


@COMMON
@given(kernel=kernels, start=st.integers(0, 40), seed=st.integers(0, 2**32 - 1))
def test_a_row_has_the_same_bits_wherever_the_history_began(kernel, start, seed):
    x = np.random.default_rng(seed).standard_normal(kernel.length + 60)
    full, late = History().filter(x, kernel), History().filter(x[start:], kernel)
    np.testing.assert_array_equal(full[start:], late)


@every_library
@COMMON
@given(case=windows_of_numbers())
def test_highest_and_lowest_are_those_of_the_window(library, case):
    x, n, rows, _ = case
    view = sliding_window_view(x, n, axis=-1)[:, -rows:]
    for windowed in (History(), Banded(rows)):
        highest = np.asarray(windowed.highest(LIBRARIES[library](x), n))[:, -rows:]
        lowest = np.asarray(windowed.lowest(LIBRARIES[library](x), n))[:, -rows:]
        np.testing.assert_array_equal(highest, view.max(axis=-1))
        np.testing.assert_array_equal(lowest, view.min(axis=-1))


@every_library
@COMMON
@given(case=windows_of_numbers(), outer=st.integers(1, 9))
def test_nested_primitives_ask_the_inner_one_for_more_rows(library, case, outer):
    x, n, rows, _ = case
    rows = min(rows, x.shape[-1] - n - outer + 2)
    if rows < 1:
        return
    inner = sliding_window_view(x, n, axis=-1).mean(axis=-1) ** 2
    expected = sliding_window_view(inner, outer, axis=-1).mean(axis=-1)[:, -rows:]
    for windowed in (History(), Banded(rows)):
        squares = windowed.wider(outer - 1).mean(LIBRARIES[library](x), n) ** 2
        y = np.asarray(windowed.mean(squares, outer))[:, -rows:]
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-13 * np.square(x).max())


def test_the_identity_is_the_newest_bar():
    x = np.arange(5.0)
    np.testing.assert_array_equal(History().filter(x, IDENTITY), x)


@every_library
@COMMON
@given(case=windows_of_numbers())
def test_mean_is_the_mean(library, case):
    x, n, rows, _ = case
    expected = sliding_window_view(x, n, axis=-1).mean(axis=-1)[:, -rows:]
    for windowed in (History(), Banded(rows)):
        y = np.asarray(windowed.mean(LIBRARIES[library](x), n))[:, -rows:]
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-14 * np.abs(x).max())


# Compared as variances: rounding of E[x²] − E[x]² is a share of x², not of a small deviation.
@every_library
@COMMON
@given(case=windows_of_numbers())
def test_spread_is_deviation_and_standard_deviation(library, case):
    x, n, rows, _ = case
    view = sliding_window_view(x, n, axis=-1)[:, -rows:]
    deviation, variance = view[..., -1] - view.mean(axis=-1), view.var(axis=-1)
    for windowed in (History(), Banded(rows)):
        answers = windowed.spread(LIBRARIES[library](x), n)
        mine, std = (np.asarray(y)[:, -rows:] for y in answers)
        np.testing.assert_allclose(mine, deviation, rtol=0, atol=1e-14 * np.abs(x).max())
        # Banded takes E[x²] − E[x]²: a few 1e-16 of E[x²].
        np.testing.assert_allclose(std**2, variance, rtol=1e-12, atol=1e-14 * np.square(x).max())


@every_library
@pytest.mark.parametrize("value", [0.0, 0.1, 1e9])
def test_spread_of_equal_values_is_zero(library, value):
    x = LIBRARIES[library](np.full((2, 30), value))
    for y in History().spread(x, 20):
        np.testing.assert_array_equal(np.asarray(y), 0.0)
    for y in Banded(rows=5).spread(x, 20):
        np.testing.assert_allclose(np.asarray(y), 0.0, atol=1e-7 * value)


# A symbol without volume for weeks, then traded again: the served graph sees both in one window.
@pytest.mark.parametrize("burst", [1_310.7, 1_234_567.0, 987_654_321.0])
def test_spread_of_equal_values_is_zero_whatever_comes_later(burst):
    x = np.concatenate([np.zeros(30), [burst]])
    for windowed in (History(), Banded(rows=5)):
        for y in windowed.spread(x, 20):
            np.testing.assert_array_equal(y[-5:-1], 0.0)


def test_history_has_the_bits_of_the_row_alone():
    x, kernel = np.random.default_rng(3).standard_normal(300), wilder(14)
    n, full = kernel.length, History().filter(x, kernel)
    alone = [History().filter(x[i : i + n], kernel)[0] for i in range(len(full))]
    np.testing.assert_array_equal(full, alone)


def test_history_does_not_mistake_one_array_or_kernel_for_the_last():
    history, (x, y) = History(), np.random.default_rng(5).standard_normal((2, 60))
    line = Difference(ema(3), ema(5))
    both = Cascade(line, ema(2))
    for array, kernel in ((x, line), (x, both), (y, both), (y, line), (x, line), (x, ema(3))):
        np.testing.assert_array_equal(history.filter(array, kernel), kernel.slide(array))


def test_a_matrix_is_made_once_for_each_length_and_filter():
    banded, x = Banded(rows=2), np.random.default_rng(4).standard_normal(30)
    three, two = wilder(3), wilder(2)
    for kernel, length in ((three, 30), (two, 30), (three, 25), (three, 30)):
        y = banded.filter(x[:length], kernel)
        np.testing.assert_allclose(y, History().filter(x[:length], kernel)[-2:], rtol=1e-12)
    assert len(banded._matrices) == 3


def test_banded_matrix_holds_the_weights_newest_last():
    matrix = banded_matrix(4, np.array([1.0, 2.0, 3.0]), rows=2)
    np.testing.assert_array_equal(matrix.T, [[3.0, 2.0, 1.0, 0.0], [0.0, 3.0, 2.0, 1.0]])


def test_banded_matrix_refuses_too_few_bars():
    message = "3 rows of a window of 5 bars need 7 bars, got 6: the feature's lookback is too short"
    with pytest.raises(InvalidConfig, match=message):
        banded_matrix(6, np.ones(5), rows=3)
    assert banded_matrix(7, np.ones(5), rows=3).shape == (7, 3)


def test_a_feature_that_declares_too_short_a_lookback_is_refused_in_the_graph():
    liar = Feature("liar", 3, "", "", "", lambda bars, windowed: windowed.mean(bars.close, 5))
    features = FeatureSet("wrong", 1, (liar,))
    with pytest.raises(InvalidConfig, match="lookback is too short for what it reads"):
        features.compute(BarArrays.of(np.ones((4, 5))), Banded(rows=2))


@pytest.mark.parametrize("alpha", [2 / 10, 2 / 13, 2 / 27, 1 / 14, 0.9])
def test_exponential_weights_end_at_the_first_bar_that_leaves_out_enough(alpha):
    weights = exponential(alpha).taps()
    assert math.isclose(weights.sum(), 1.0, rel_tol=1e-14)
    np.testing.assert_allclose(weights[1:] / weights[:-1], 1.0 - alpha, rtol=1e-12)
    assert (1 - alpha) ** len(weights) <= LEFT_OUT < (1 - alpha) ** (len(weights) - 1)


def test_spans_and_periods_are_those_of_the_literature():
    assert ema(12) == exponential(2 / 13)
    assert wilder(14) == exponential(1 / 14)


def test_newest_and_change():
    x = np.arange(10.0).reshape(2, 5) ** 2
    np.testing.assert_array_equal(newest(x, np.ones((2, 2))), x[:, 3:])
    np.testing.assert_array_equal(change(x, 2), x[:, 2:] - x[:, :-2])


@pytest.fixture(scope="module")
def real_bars() -> np.ndarray:
    columns = ["Open", "High", "Low", "Close", "Volume"]
    return sp500.load()[columns].to_numpy(dtype=np.float64)


@pytest.mark.parametrize("steps", [1, 2, 60])
@every_library
def test_features_of_the_graph_are_those_of_history(real_bars, library, steps):
    length = TECHNICAL_1.lookback + steps - 1
    windows = sliding_window_view(real_bars, length, axis=0).swapaxes(1, 2)[::50]
    table = TECHNICAL_1.history(real_bars)
    expected = sliding_window_view(table[TECHNICAL_1.lookback - 1 :], steps, axis=0)[::50]
    bars = BarArrays.of(LIBRARIES[library](windows.copy()))
    # Rounding of E[x²] − E[x]² in %b is the largest gap: 2e-12 of its standard deviation.
    atol = 1e-10 * np.nanstd(table, axis=0)
    for windowed in (Banded(steps), History()):
        gaps = np.abs(np.asarray(TECHNICAL_1.compute(bars, windowed)) - expected.swapaxes(1, 2))
        assert gaps.shape == (len(windows), steps, len(TECHNICAL_1.features))
        assert (gaps.max(axis=(0, 1)) <= atol).all()
