"""What every feature of technical@1 promises, on random but valid bars."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from ordinis_mlflow.features import TECHNICAL_1, Banded, BarArrays, Feature, History
from ordinis_mlflow.features.volatility import bollinger_percent_b
from ordinis_mlflow.features.volume import volume_z_score

LOOKBACK = TECHNICAL_1.lookback
BARS = 240
COMMON = settings(max_examples=30, deadline=None)

every_feature = pytest.mark.parametrize(
    "feature", TECHNICAL_1.features, ids=lambda feature: feature.name
)


def make_market(seed, n=BARS, volatility=0.01, jumps=(), flats=(), droughts=()):
    """A random walk with jumps, stretches without any move and stretches without volume."""
    rng = np.random.default_rng(seed)
    still, dry = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    for start, length in flats:
        still[start : start + length] = True
    for start, length in droughts:
        dry[start : start + length] = True
    moves = volatility * rng.standard_normal(n)
    for at, size in jumps:
        moves[at] += size
    close = 100.0 * np.exp(np.cumsum(np.where(still, 0.0, moves)))
    noise = volatility * rng.standard_normal((3, n)) * ~still
    opened = close * np.exp(noise[0])
    high = np.maximum(opened, close) * np.exp(np.abs(noise[1]))
    low = np.minimum(opened, close) * np.exp(-np.abs(noise[2]))
    volume = np.where(dry, 0.0, np.round(1e6 * np.exp(rng.standard_normal(n))))
    return np.stack([opened, high, low, close, volume], axis=-1)


places = st.integers(0, BARS - 1)
stretches = st.lists(st.tuples(places, st.integers(1, 150)), max_size=2)
markets = st.builds(
    make_market,
    seed=st.integers(0, 2**32 - 1),
    volatility=st.sampled_from([1e-4, 0.01, 0.1]),
    jumps=st.lists(st.tuples(places, st.floats(-0.5, 0.5)), max_size=3),
    flats=stretches,
    droughts=stretches,
)


def rows(feature: Feature, bars: np.ndarray) -> np.ndarray:
    return feature.compute(BarArrays.of(bars), History())


@every_feature
@COMMON
@given(one=markets, other=markets, t=st.integers(LOOKBACK - 1, BARS - 1))
def test_row_does_not_depend_on_later_bars(feature, one, other, t):
    mixed = np.concatenate([one[: t + 1], other[t + 1 :]])
    known = t + 1 - (feature.lookback - 1)
    np.testing.assert_array_equal(rows(feature, mixed)[:known], rows(feature, one)[:known])


@every_feature
@COMMON
@given(one=markets, other=markets, t=st.integers(LOOKBACK - 1, BARS - 1))
def test_row_does_not_depend_on_bars_before_its_lookback(feature, one, other, t):
    oldest = t - feature.lookback + 1
    mixed = np.concatenate([1e3 * other[:oldest], one[oldest:]])
    np.testing.assert_array_equal(rows(feature, mixed)[oldest:], rows(feature, one)[oldest:])


@every_feature
def test_row_depends_on_the_oldest_bar_of_its_lookback(feature):
    window = make_market(seed=5)[-feature.lookback :]
    other = window.copy()
    other[0] *= (1.01, 1.03, 0.97, 1.005, 1.5)
    assert rows(feature, window).shape == (1,)
    assert rows(feature, window) != rows(feature, other)


@COMMON
@given(bars=markets, start=st.integers(0, BARS - LOOKBACK))
def test_computing_only_new_rows_gives_the_bits_of_a_full_computation(bars, start):
    full = TECHNICAL_1.history(bars)
    part = TECHNICAL_1.history(bars[start:])
    assert np.isfinite(full[LOOKBACK - 1 :]).all()
    np.testing.assert_array_equal(part[LOOKBACK - 1 :], full[start + LOOKBACK - 1 :])


@COMMON
@given(bars=markets, exponent=st.integers(-20, 20))
def test_prices_scaled_by_a_power_of_two_change_no_bit(bars, exponent):
    scaled = bars * ([2.0**exponent] * 4 + [1.0])
    np.testing.assert_array_equal(TECHNICAL_1.history(scaled), TECHNICAL_1.history(bars))


# A price rounds by 1e-16 of itself and a feature divides it by at least FLAT = 1e-6 of the price:
# %b and RSI may move by 1e-10 (of 1 and of 100), everything else by far less.
@COMMON
@given(bars=markets, factor=st.floats(1e-3, 1e3))
def test_scaled_prices_change_nothing(bars, factor):
    scaled = TECHNICAL_1.history(bars * ([factor] * 4 + [1.0]))
    np.testing.assert_allclose(scaled, TECHNICAL_1.history(bars), rtol=1e-9, atol=1e-9)
    small = [i for i, feature in enumerate(TECHNICAL_1.features) if "volatility" in feature.name]
    np.testing.assert_allclose(
        scaled[:, small], TECHNICAL_1.history(bars)[:, small], rtol=1e-9, atol=1e-11
    )


@COMMON
@given(bars=markets, factor=st.floats(1e-2, 1e6))
def test_scaled_volume_changes_little(bars, factor):
    scaled = TECHNICAL_1.history(bars * [1.0, 1.0, 1.0, 1.0, factor])
    np.testing.assert_allclose(scaled, TECHNICAL_1.history(bars), rtol=1e-9, atol=1e-9)


@COMMON
@given(bars=markets)
def test_batch_of_windows_gives_each_what_it_gets_alone(bars):
    steps = 3
    windows = sliding_window_view(bars, LOOKBACK + steps - 1, axis=0).swapaxes(1, 2)[::17]
    batch = TECHNICAL_1.compute(BarArrays.of(windows), History())
    alone = [TECHNICAL_1.compute(BarArrays.of(window), History()) for window in windows]
    assert batch.shape == (len(windows), steps, len(TECHNICAL_1.features))
    np.testing.assert_array_equal(batch, np.stack(alone))


# Not bit for bit: a matrix product adds in another order for one window than for many.
@COMMON
@given(bars=markets)
def test_batch_of_windows_gives_each_nearly_what_it_gets_alone_in_the_graph(bars):
    windows = sliding_window_view(bars, LOOKBACK + 2, axis=0).swapaxes(1, 2)[::17]
    banded = Banded(rows=3)
    batch = TECHNICAL_1.compute(BarArrays.of(windows), banded)
    alone = [TECHNICAL_1.compute(BarArrays.of(window), banded) for window in windows]
    gaps = np.abs(batch - np.stack(alone))
    room = np.stack([room_of_the_graph(BarArrays.of(window), 3) for window in windows])
    assert (gaps <= room + 1e-9 * np.abs(batch)).all()


# Also where a jump or a burst comes after a calm: the graph must not blur the one with the other.
@COMMON
@given(bars=markets)
def test_graph_computes_what_history_does(bars):
    bars, rows = BarArrays.of(bars), BARS - LOOKBACK + 1
    history = TECHNICAL_1.compute(bars, History())
    graph = TECHNICAL_1.compute(bars, Banded(rows))
    gaps = np.abs(graph - history)
    assert (gaps <= room_of_the_graph(bars, rows) + 1e-9 * np.abs(history)).all()


def room_of_the_graph(bars, rows):
    """What rounding may do to each value: (rows, features).

    The graph's variance is E[x²] − E[x]², so its error is a few 1e-16 of E[x²] of the row's own
    window: of the variance itself that is much where values hardly vary, and never more than the
    floors of 1e-6 of the level let through. Nothing outside the window has a part in it.
    """
    room = np.full((rows, len(TECHNICAL_1.features)), 1e-8)
    for name, x in (("bollinger_percent_b_20", bars.close), ("volume_z_score_20", bars.volume)):
        squares = History().mean(x * x, 20)[-rows:]
        std = History().spread(x, 20)[1][-rows:]
        least = np.maximum(std, 1e-6 / 4 * np.sqrt(squares)) + 1e-12
        room[:, TECHNICAL_1.names.index(name)] += 5e-15 * squares / least**2
    return room


NEUTRAL = {"rsi_14": 50.0, "bollinger_percent_b_20": 0.5}
"""What a feature says of a price that stands still, where that is not 0."""


@pytest.mark.parametrize("volume", [0.0, 1.0, 123_456_789.0])
@pytest.mark.parametrize("price", [1e-6, 0.37, 100.0, 41_234.56])
@pytest.mark.parametrize("place", ["history", "banded", "torch"])
def test_flat_prices_give_neutral_values(place, price, volume):
    bars = np.tile([price] * 4 + [volume], (LOOKBACK + 4, 1))
    values = torch.asarray(bars) if place == "torch" else bars
    windowed = History() if place == "history" else Banded(rows=5)
    table = np.asarray(TECHNICAL_1.compute(BarArrays.of(values), windowed))
    neutral = [NEUTRAL.get(name, 0.0) for name in TECHNICAL_1.names]
    # The graph's mean of equal values rounds by 1e-16 of them, and the floors are 1e-6 of them.
    atol = 1e-12 if place == "history" else 1e-9
    np.testing.assert_allclose(table, np.tile(neutral, (5, 1)), rtol=0, atol=atol)


# A share in a thousand is a movement, a share in a hundred million is rounding.
@pytest.mark.parametrize(("wiggle", "largest"), [(1e-3, np.sqrt(19.0)), (1e-8, 0.01)])
def test_volume_that_hardly_varies_counts_as_constant(wiggle, largest):
    bars = make_market(seed=1, n=20)
    bars[:, 4] = 1e6
    bars[-1, 4] *= 1.0 + wiggle
    np.testing.assert_allclose(rows(volume_z_score(20), bars), largest, rtol=0.06)


@COMMON
@given(bars=markets)
def test_rows_keep_within_their_ranges(bars):
    table = dict(zip(TECHNICAL_1.names, TECHNICAL_1.history(bars)[LOOKBACK - 1 :].T, strict=True))
    assert (table["rsi_14"] >= 0.0 - 1e-9).all()
    assert (table["rsi_14"] <= 100.0 + 1e-9).all()
    for name in ("realised_volatility_20", "average_true_range_14", "high_low_range"):
        assert (table[name] >= 0.0).all()
    # No value lies further than √(n − 1) standard deviations from the mean of its n.
    furthest = np.sqrt(19.0) * (1 + 1e-9)
    assert (np.abs(table["volume_z_score_20"]) <= furthest).all()
    assert (np.abs(table["bollinger_percent_b_20"] - 0.5) <= furthest / 4).all()


def thin_then_burst():
    """A share every third bar, then a billion in one: 1e9 deviations of the rows before."""
    bars = make_market(seed=1, n=60)
    bars[:, 4] = np.arange(60) % 3 == 0
    bars[-1, 4] = 1e9
    return bars


def pegged_then_jump():
    """A price that hardly moves, then goes up by half."""
    bars = make_market(seed=1, n=60)
    pegged = 100.0 * (1.0 + 1e-7 * np.sin(np.arange(60.0)))
    bars[:, :4] = pegged[:, None]
    bars[-1, :4] = 150.0
    return bars


@pytest.mark.parametrize("windowed", [History(), Banded(rows=30)], ids=["history", "banded"])
@pytest.mark.parametrize(
    ("feature", "bars", "furthest"),
    [
        (volume_z_score(20), thin_then_burst(), np.sqrt(19.0)),
        (bollinger_percent_b(20), pegged_then_jump(), 0.5 + np.sqrt(19.0) / 4),
    ],
    ids=["volume", "percent_b"],
)
def test_calm_then_burst_keeps_within_the_bound_of_any_z_score(feature, bars, furthest, windowed):
    table = feature.compute(BarArrays.of(bars), windowed)[-30:]
    assert np.abs(table).max() <= furthest * (1 + 1e-6)
