"""Features of the trend: averages of the close against each other, its slope, and its direction."""

from collections.abc import Callable

import numpy as np
from array_api_compat import array_namespace

from ordinis_mlflow.features.feature import BarArrays, Feature
from ordinis_mlflow.features.kernels import (
    IDENTITY,
    Array,
    Cascade,
    Difference,
    Kernel,
    Weighted,
    ema,
    wilder,
)
from ordinis_mlflow.features.moves import FLAT, aligned, ratio, true_extremes
from ordinis_mlflow.features.windowed import Windowed, change, newest


def close_over_mean(n: int) -> Feature:
    """The close over its moving average."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        close, average = aligned(bars.close, windowed.mean(bars.close, n))
        return array_namespace(close).log(close / average)

    return Feature(
        name=f"close_over_mean_{n}",
        lookback=n,
        unit="log ratio",
        formula=f"ln(C / mean{n} C)",
        source="Brock, Lakonishok and LeBaron 1992",
        compute=compute,
    )


def mean_crossover(fast: int, slow: int) -> Feature:
    """The fast moving average over the slow one: above 0 after a golden cross."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        above, below = aligned(windowed.mean(bars.close, fast), windowed.mean(bars.close, slow))
        return array_namespace(above).log(above / below)

    return Feature(
        name=f"mean_crossover_{fast}_{slow}",
        lookback=slow,
        unit="log ratio",
        formula=f"ln(mean{fast} C / mean{slow} C)",
        source="Brock, Lakonishok and LeBaron 1992",
        compute=compute,
    )


def macd_line(fast: int, slow: int) -> Feature:
    """Moving average convergence divergence over price."""
    line = Difference(ema(fast), ema(slow))
    return Feature(
        name=f"macd_{fast}_{slow}",
        lookback=line.length,
        unit="share of price",
        formula=f"(EMA{fast} C − EMA{slow} C) / C",
        source="Appel 1979",
        compute=_over_price(line),
    )


def macd_histogram(fast: int, slow: int, signal: int) -> Feature:
    """MACD line less its own average, over price."""
    line = Difference(ema(fast), ema(slow))
    histogram = Cascade(line, Difference(IDENTITY, ema(signal)))
    return Feature(
        name=f"macd_histogram_{fast}_{slow}_{signal}",
        lookback=histogram.length,
        unit="share of price",
        formula=f"(M − EMA{signal} M) / C, with M = EMA{fast} C − EMA{slow} C",
        source="Appel 1979; Aspray 1986",
        compute=_over_price(histogram),
    )


def regression_slope(n: int) -> Feature:
    """Slope of the least squares line through ``n`` closes, over the newest."""
    slope = _slope(n)

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        rise, close = aligned(windowed.filter(change(bars.close, 1), slope), bars.close)
        return rise / close

    return Feature(
        name=f"regression_slope_{n}",
        lookback=n,
        unit="share of price per bar",
        formula=f"Σ{n} (t − mean t)(C − mean C) / Σ{n} (t − mean t)² / C",
        source="least squares, Gauss 1809",
        compute=compute,
    )


def regression_r_squared(n: int) -> Feature:
    """How much of the closes' variance that line explains; 0 where the close did not move."""
    slope = _slope(n)
    variance_of_time = (n * n - 1) / 12.0

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        rise = windowed.filter(change(bars.close, 1), slope)
        _, std = windowed.spread(bars.close, n)
        explained = ratio(rise * variance_of_time**0.5, std, FLAT * bars.close)
        return explained * explained

    return Feature(
        name=f"regression_r_squared_{n}",
        lookback=n,
        unit="0 to 1",
        formula=f"squared correlation of C and t over {n} bars",
        source="Wright 1921",
        compute=compute,
    )


def directional_movement(period: int) -> Feature:
    """Wilder's +DI − −DI: above 0 where highs rise by more than lows fall."""
    average = wilder(period)

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        rises, falls = _directional(bars)
        top, bottom = true_extremes(bars)
        ranges = windowed.filter(top - bottom, average)
        return 100.0 * ratio(windowed.filter(rises - falls, average), ranges, FLAT * bars.close)

    return Feature(
        name=f"directional_movement_{period}",
        lookback=average.length + 1,
        unit="-100 to 100",
        formula=f"100 (W(+DM) − W(−DM)) / W(true range), with W = Wilder's average over {period}",
        source="Wilder 1978, New Concepts in Technical Trading Systems",
        compute=compute,
    )


def average_directional_index(period: int) -> Feature:
    """Wilder's ADX: how strong the trend is, up or down; 0 where neither extreme moved."""
    average = wilder(period)

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.close)
        rises, falls = _directional(bars)
        inner = windowed.wider(average.length - 1)
        net = xp.abs(inner.filter(rises - falls, average))
        index = ratio(net, inner.filter(rises + falls, average), FLAT * bars.close)
        return 100.0 * windowed.filter(index, average)

    return Feature(
        name=f"average_directional_index_{period}",
        lookback=2 * average.length,
        unit="0 to 100",
        formula=f"W of 100 |W(+DM) − W(−DM)| / (W(+DM) + W(−DM)), W = Wilder's over {period}",
        source="Wilder 1978, New Concepts in Technical Trading Systems",
        compute=compute,
    )


def vortex(n: int) -> Feature:
    """VI+ − VI−: upward less downward vortex movement over the true range."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.close)
        upward = xp.abs(bars.high[..., 1:] - bars.low[..., :-1])
        downward = xp.abs(bars.low[..., 1:] - bars.high[..., :-1])
        top, bottom = true_extremes(bars)
        ranges = windowed.mean(top - bottom, n)
        return ratio(windowed.mean(upward - downward, n), ranges, FLAT * bars.close)

    return Feature(
        name=f"vortex_{n}",
        lookback=n + 1,
        unit="share of true range",
        formula=f"Σ{n} (|H − L[-1]| − |L − H[-1]|) / Σ{n} true range",
        source="Botes and Siepman 2010",
        compute=compute,
    )


def choppiness(n: int) -> Feature:
    """Choppiness index: 0 in a straight trend, 100 where every bar covers the whole range.

    The range is that of the true extremes, the close before the first bar included; with the plain
    ones a gap before a quiet stretch would give any number above 100.
    """

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.close)
        top, bottom = true_extremes(bars)
        path = n * windowed.mean(top - bottom, n)
        span = windowed.highest(top, n) - windowed.lowest(bottom, n)
        floor = FLAT * newest(bars.close, path)
        share = ratio(xp.maximum(path, floor), span, floor)
        return (100.0 / float(np.log(n))) * xp.log(share)

    return Feature(
        name=f"choppiness_{n}",
        lookback=n + 1,
        unit="0 to 100",
        formula=(
            f"100 log(Σ{n} true range / (max{n} max(H, C[-1]) − min{n} min(L, C[-1]))) / log {n}"
        ),
        source="Dreiss 1993",
        compute=compute,
    )


def _over_price(kernel: Kernel) -> Callable[[BarArrays, Windowed], Array]:
    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        filtered = windowed.filter(bars.close, kernel)
        return filtered / newest(bars.close, filtered)

    return compute


def _slope(n: int) -> Kernel:
    """Of the least squares line, as a filter of one-bar changes: no level is there to cancel."""
    age = np.arange(n)
    weights = (age.mean() - age) / np.sum((age - age.mean()) ** 2)
    return Weighted(tuple(map(float, np.cumsum(weights)[:-1])))


def _directional(bars: BarArrays) -> tuple[Array, Array]:
    """Wilder's +DM and −DM: the larger of the rise of the high and the fall of the low, if any."""
    xp = array_namespace(bars.close)
    rise = xp.maximum(change(bars.high, 1), 0.0)
    fall = xp.maximum(-change(bars.low, 1), 0.0)
    nothing = xp.zeros_like(rise)
    return xp.where(rise > fall, rise, nothing), xp.where(fall > rise, fall, nothing)
