"""What every feature promises, on random but valid bars."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from ordinis_mlflow.features import STANDARD_1, Banded, BarArrays, Feature, History
from ordinis_mlflow.features.volatility import bollinger_percent_b
from ordinis_mlflow.features.volume import volume_z_score

NAMES, LOOKBACK = STANDARD_1.names, STANDARD_1.lookback
BARS = LOOKBACK + 120
COMMON = settings(max_examples=30, deadline=None)

every_feature = pytest.mark.parametrize(
    "feature", STANDARD_1.features, ids=lambda feature: feature.name
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


@COMMON
@given(one=markets, other=markets, t=st.integers(LOOKBACK - 1, BARS - 1))
def test_row_does_not_depend_on_later_bars(one, other, t):
    mixed = np.concatenate([one[: t + 1], other[t + 1 :]])
    for feature in STANDARD_1.features:
        known = t + 1 - (feature.lookback - 1)
        there, here = rows(feature, one)[:known], rows(feature, mixed)[:known]
        np.testing.assert_array_equal(here, there, err_msg=feature.name)


@COMMON
@given(one=markets, other=markets, t=st.integers(LOOKBACK - 1, BARS - 1))
def test_row_does_not_depend_on_bars_before_its_lookback(one, other, t):
    for feature in STANDARD_1.features:
        oldest = t - feature.lookback + 1
        mixed = np.concatenate([1e3 * other[:oldest], one[oldest:]])
        there, here = rows(feature, one)[oldest:], rows(feature, mixed)[oldest:]
        np.testing.assert_array_equal(here, there, err_msg=feature.name)


# An extreme is seen if the bar that held it is made higher or lower, an average by either.
@every_feature
def test_row_depends_on_the_oldest_bar_of_its_lookback(feature):
    window = make_market(seed=5)[-feature.lookback :]
    answers = [rows(feature, window)]
    assert answers[0].shape == (1,)
    for factors in ((1.1, 1.3, 1.05, 1.2, 1.5), (0.91, 0.97, 0.8, 0.9, 1.5)):
        other = window.copy()
        other[0] *= factors
        answers.append(rows(feature, other))
    assert len(np.unique(answers)) > 1


@COMMON
@given(bars=markets, start=st.integers(0, BARS - LOOKBACK))
def test_computing_only_new_rows_gives_the_bits_of_a_full_computation(bars, start):
    full = STANDARD_1.history(bars)
    part = STANDARD_1.history(bars[start:])
    assert np.isfinite(full[LOOKBACK - 1 :]).all()
    np.testing.assert_array_equal(part[LOOKBACK - 1 :], full[start + LOOKBACK - 1 :])


@COMMON
@given(bars=markets, exponent=st.integers(-20, 20))
def test_prices_scaled_by_a_power_of_two_change_no_bit(bars, exponent):
    scaled = bars * ([2.0**exponent] * 4 + [1.0])
    np.testing.assert_array_equal(STANDARD_1.history(scaled), STANDARD_1.history(bars))


WIDE = ("to 100", "to the fourth")
SIZES = np.array([100.0 if f.unit.endswith(WIDE) else 1.0 for f in STANDARD_1.features])
"""Of a feature's values: the kurtosis of 60 returns goes up to 57, shares in percent to 100."""


# A price rounds by 1e-16 of itself and a feature divides it by at least FLAT = 1e-6 of the price,
# which may move a share by a few 1e-10, and everything else by far less.
@COMMON
@given(bars=markets, factor=st.floats(1e-3, 1e3))
def test_scaled_prices_change_nothing(bars, factor):
    known, scaled = STANDARD_1.history(bars), STANDARD_1.history(bars * ([factor] * 4 + [1.0]))
    np.testing.assert_array_less(np.abs(scaled - known)[LOOKBACK - 1 :] / SIZES, 1e-9)
    small = [i for i, name in enumerate(NAMES) if "volatility_" in name]
    np.testing.assert_allclose(scaled[:, small], known[:, small], rtol=1e-9, atol=1e-11)


@COMMON
@given(bars=markets, factor=st.floats(1e-2, 1e6))
def test_scaled_volume_changes_little(bars, factor):
    known, scaled = (
        STANDARD_1.history(bars),
        STANDARD_1.history(bars * [1.0, 1.0, 1.0, 1.0, factor]),
    )
    np.testing.assert_array_less(np.abs(scaled - known)[LOOKBACK - 1 :] / SIZES, 1e-9)


@COMMON
@given(bars=markets)
def test_batch_of_windows_gives_each_what_it_gets_alone(bars):
    steps = 3
    windows = sliding_window_view(bars, LOOKBACK + steps - 1, axis=0).swapaxes(1, 2)[::17]
    batch = STANDARD_1.compute(BarArrays.of(windows), History())
    alone = [STANDARD_1.compute(BarArrays.of(window), History()) for window in windows]
    assert batch.shape == (len(windows), steps, len(NAMES))
    np.testing.assert_array_equal(batch, np.stack(alone))


# Not bit for bit: a matrix product adds in another order for one window than for many.
@COMMON
@given(bars=markets)
def test_batch_of_windows_gives_each_nearly_what_it_gets_alone_in_the_graph(bars):
    windows = sliding_window_view(bars, LOOKBACK + 2, axis=0).swapaxes(1, 2)[::17]
    banded = Banded(rows=3)
    batch = STANDARD_1.compute(BarArrays.of(windows), banded)
    alone = np.stack([STANDARD_1.compute(BarArrays.of(window), banded) for window in windows])
    room = np.stack([room_of_the_graph(BarArrays.of(window), 3) for window in windows])
    assert_within(np.abs(batch - alone), room)


# Also where a jump or a burst comes after a calm: the graph must not blur the one with the other.
@COMMON
@given(bars=markets)
def test_graph_computes_what_history_does(bars):
    bars, rows = BarArrays.of(bars), BARS - LOOKBACK + 1
    history = STANDARD_1.compute(bars, History())
    graph = STANDARD_1.compute(bars, Banded(rows))
    assert_within(np.abs(graph - history), room_of_the_graph(bars, rows))


def assert_within(gaps, room):
    worst = np.max(gaps / room, axis=tuple(range(gaps.ndim - 1)))
    assert (worst <= 1.0).all(), {NAMES[i]: worst[i] for i in np.flatnonzero(worst > 1.0)}


def room_of_the_graph(bars, rows):
    """What rounding may do to each value: (rows, features).

    The graph's variance is E[x²] − E[x]², so its error is a few 1e-16 of E[x²] of the row's own
    window: of the variance itself that is much where values hardly vary, and never more than the
    floors of 1e-6 of the level let through. Nothing outside the window has a part in it.
    """
    room = np.tile(2e-8 * SIZES, (rows, 1))
    close = doubt_of_variance(bars.close, rows)
    returns = np.log(bars.close[1:] / bars.close[:-1])
    volume = doubt_of_variance(bars.volume, rows)
    more = {
        "bollinger_percent_b_20": close,
        "bollinger_bandwidth_20": np.full(rows, 4e-7),  # the root of 1e-14 of a constant price
        "regression_r_squared_20": close,
        "volume_z_score_20": volume,
        "price_volume_correlation_20": volume + doubt_of_variance(returns, rows, level=1.0),
    }
    for name, doubt in more.items():
        room[:, NAMES.index(name)] += doubt
    return room


def doubt_of_variance(x, rows, level=None):
    """Error of E[x²] − E[x]² over 20 bars as a share of the variance, floored as features do."""
    squares = History().mean(x * x, 20)[-rows:]
    std = History().spread(x, 20)[1][-rows:]
    floor = 1e-6 / 4 * np.sqrt(squares) if level is None else 1e-6 * level
    return 5e-15 * squares / (np.maximum(std, floor) + 1e-12) ** 2


NEUTRAL = {
    "rsi_14": 50.0,
    "stochastic_k_14": 50.0,
    "stochastic_d_14_3": 50.0,
    "ultimate_oscillator_7_14_28": 50.0,
    "money_flow_index_14": 50.0,
    "bollinger_percent_b_20": 0.5,
    "downside_share_20": 0.5,
    "variance_ratio_5_60": 1.0,
}
"""What a feature says of a price that stands still, where that is not 0."""


@pytest.mark.parametrize("volume", [0.0, 1.0, 123_456_789.0])
@pytest.mark.parametrize("price", [1e-6, 0.37, 100.0, 41_234.56])
@pytest.mark.parametrize("place", ["history", "banded", "torch"])
def test_flat_prices_give_neutral_values(place, price, volume):
    bars = np.tile([price] * 4 + [volume], (LOOKBACK + 4, 1))
    values = torch.asarray(bars) if place == "torch" else bars
    windowed = History() if place == "history" else Banded(rows=5)
    table = np.asarray(STANDARD_1.compute(BarArrays.of(values), windowed))
    traded = {"volume_ratio_5_20": 1.0} if volume else {}
    neutral = np.array([{**NEUTRAL, **traded}.get(name, 0.0) for name in NAMES])
    # The graph's mean of equal values rounds by 1e-16 of them, and the floors are 1e-6 of them;
    # the width of the bands has none.
    room = np.full(len(NAMES), 1e-12 if place == "history" else 1e-9) * SIZES
    room[NAMES.index("bollinger_bandwidth_20")] = 1e-12 if place == "history" else 4e-7
    assert_within(np.abs(table - neutral), np.tile(room, (5, 1)))


# A share in a thousand is a movement, a share in a hundred million is rounding.
@pytest.mark.parametrize(("wiggle", "largest"), [(1e-3, np.sqrt(19.0)), (1e-8, 0.01)])
def test_volume_that_hardly_varies_counts_as_constant(wiggle, largest):
    bars = make_market(seed=1, n=20)
    bars[:, 4] = 1e6
    bars[-1, 4] *= 1.0 + wiggle
    np.testing.assert_allclose(rows(volume_z_score(20), bars), largest, rtol=0.06)


RANGES = {"0 to 100": (0.0, 100.0), "-100 to 100": (-100.0, 100.0), "0 to 1": (0.0, 1.0)}
RANGES |= {"-1 to 1": (-1.0, 1.0), "-1 at the low to 1 at the high": (-1.0, 1.0)}


@COMMON
@given(bars=markets)
def test_rows_keep_within_the_range_that_their_unit_states(bars):
    table = STANDARD_1.history(bars)[LOOKBACK - 1 :]
    for feature, column in zip(STANDARD_1.features, table.T, strict=True):
        low, high = RANGES.get(feature.unit, (-np.inf, np.inf))
        # What a whole divides is not below FLAT of the price, which rounds by 1e-16 of itself.
        room = 1e-9 * max(abs(high), 1.0)
        assert low - room <= column.min(), feature.name
        assert column.max() <= high + room, feature.name
        if "volatility" in feature.name or "range" in feature.name:
            assert column.min() >= 0.0, feature.name
    # No value lies further than √(n − 1) standard deviations from the mean of its n.
    furthest = np.sqrt(19.0) * (1 + 1e-9)
    assert (np.abs(table[:, NAMES.index("volume_z_score_20")]) <= furthest).all()
    percent_b = table[:, NAMES.index("bollinger_percent_b_20")]
    assert (np.abs(percent_b - 0.5) <= furthest / 4).all()


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
