"""Momentum oscillators: how one-sided the latest moves were."""

from array_api_compat import array_namespace

from ordinis_mlflow.features.feature import BarArrays, Feature
from ordinis_mlflow.features.kernels import Array, Cascade, ema, wilder
from ordinis_mlflow.features.moves import FLAT, aligned, ratio, true_extremes
from ordinis_mlflow.features.windowed import Windowed, change, newest


def rsi(period: int) -> Feature:
    """Relative strength index; 50 where the close did not move."""
    average = wilder(period)

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.close)
        move = change(bars.close, 1)
        total = windowed.filter(xp.abs(move), average)
        return 50.0 + 50.0 * ratio(windowed.filter(move, average), total, FLAT * bars.close)

    return Feature(
        name=f"rsi_{period}",
        lookback=average.length + 1,
        unit="0 to 100",
        formula=f"100 U / (U + D), Wilder's averages over {period} of rises and falls of C",
        source="Wilder 1978, New Concepts in Technical Trading Systems",
        compute=compute,
    )


def stochastic_k(n: int) -> Feature:
    """Fast stochastic %K: the close between the extremes; 50 where prices stood still."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        return _percent_k(bars, windowed, n)

    return Feature(
        name=f"stochastic_k_{n}",
        lookback=n,
        unit="0 to 100",
        formula=f"100 (C − min{n} L) / (max{n} H − min{n} L)",
        source="Lane 1984",
        compute=compute,
    )


def stochastic_d(n: int, smoothing: int) -> Feature:
    """Stochastic %D: the mean of the latest %K."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        return windowed.mean(_percent_k(bars, windowed.wider(smoothing - 1), n), smoothing)

    return Feature(
        name=f"stochastic_d_{n}_{smoothing}",
        lookback=n + smoothing - 1,
        unit="0 to 100",
        formula=f"mean{smoothing} of 100 (C − min{n} L) / (max{n} H − min{n} L)",
        source="Lane 1984",
        compute=compute,
    )


def trix(span: int) -> Feature:
    """Growth in one bar of an exponential average of an average of an average."""
    average = ema(span)
    triple = Cascade(average, Cascade(average, average))

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        smooth = windowed.wider(1).filter(bars.close, triple)
        return change(smooth, 1) / smooth[..., :-1]

    return Feature(
        name=f"trix_{span}",
        lookback=triple.length + 1,
        unit="return per bar",
        formula=f"E / E[-1] − 1, with E = EMA{span} of EMA{span} of EMA{span} of C",
        source="Hutson 1983",
        compute=compute,
    )


def true_strength_index(long: int, short: int) -> Feature:
    """Twice smoothed moves over twice smoothed sizes of moves; 0 where the close did not move."""
    twice = Cascade(ema(long), ema(short))

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        move = change(bars.close, 1)
        sizes = windowed.filter(array_namespace(move).abs(move), twice)
        return 100.0 * ratio(windowed.filter(move, twice), sizes, FLAT * bars.close)

    return Feature(
        name=f"true_strength_index_{long}_{short}",
        lookback=twice.length + 1,
        unit="-100 to 100",
        formula=f"100 S(C − C[-1]) / S(|C − C[-1]|), with S = EMA{short} of EMA{long}",
        source="Blau 1991",
        compute=compute,
    )


def ultimate_oscillator(short: int, middle: int, long: int) -> Feature:
    """Share of buying pressure in the true range over three windows; 50 where nothing moved."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        top, bottom = true_extremes(bars)
        span, pressure = top - bottom, newest(bars.close, bottom) - bottom

        def bought(n: int) -> Array:
            surplus = windowed.mean(pressure + pressure - span, n)
            return ratio(surplus, windowed.mean(span, n), FLAT * bars.close)

        shorts, middles, longs = aligned(bought(short), bought(middle), bought(long))
        return 50.0 + 50.0 * (4.0 * shorts + 2.0 * middles + longs) / 7.0

    return Feature(
        name=f"ultimate_oscillator_{short}_{middle}_{long}",
        lookback=long + 1,
        unit="0 to 100",
        formula=(
            f"100 (4 A{short} + 2 A{middle} + A{long}) / 7, Aₙ = Σₙ (C − min(L, C[-1])) / "
            "Σₙ true range"
        ),
        source="Williams 1985",
        compute=compute,
    )


def _percent_k(bars: BarArrays, windowed: Windowed, n: int) -> Array:
    """100 times the close's place between the extremes, written around their middle."""
    close, high, low = aligned(
        bars.close, windowed.highest(bars.high, n), windowed.lowest(bars.low, n)
    )
    return 50.0 + 50.0 * ratio((close - high) + (close - low), high - low, FLAT * close)
