"""Features of the close: returns, momentum and bands. All are unchanged when prices are scaled."""

from collections.abc import Callable

from array_api_compat import array_namespace

from ordinis_mlflow.features.feature import BarArrays, Feature
from ordinis_mlflow.features.kernels import (
    IDENTITY,
    Array,
    Cascade,
    Difference,
    Kernel,
    ema,
    wilder,
)
from ordinis_mlflow.features.windowed import Windowed, change, newest

FLAT = 1e-6
"""A price move below this share of the price counts as none, where a feature divides by it."""


def log_return(n: int) -> Feature:
    """Log return over ``n`` bars: ln(close[t] / close[t - n])."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        close = bars.close
        return array_namespace(close).log(close[..., n:] / close[..., :-n])

    return Feature(f"log_return_{n}", n + 1, "log return", compute)


def rsi(period: int) -> Feature:
    """Relative strength index, 0 to 100 (Wilder 1978, New Concepts in Technical Trading Systems).

    100 U / (U + D), with U and D Wilder's averages of rises and falls of the close; written as
    50 + 50 (U − D) / (U + D). 50 where the close did not move.
    """
    average = wilder(period)

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.close)
        move = change(bars.close, 1)
        total = windowed.filter(xp.abs(move), average)
        floor = FLAT * newest(bars.close, total)
        return 50.0 + 50.0 * windowed.filter(move, average) / xp.maximum(total, floor)

    return Feature(f"rsi_{period}", average.length + 1, "0 to 100", compute)


def macd_line(fast: int, slow: int) -> Feature:
    """Moving average convergence divergence over price (Appel 1979): (fast − slow EMA) / close."""
    line = Difference(ema(fast), ema(slow))
    return Feature(f"macd_{fast}_{slow}", line.length, "share of price", _over_price(line))


def macd_histogram(fast: int, slow: int, signal: int) -> Feature:
    """MACD line less its own EMA over ``signal`` bars, over price (Appel 1979)."""
    line = Difference(ema(fast), ema(slow))
    histogram = Cascade(line, Difference(IDENTITY, ema(signal)))
    name = f"macd_histogram_{fast}_{slow}_{signal}"
    return Feature(name, histogram.length, "share of price", _over_price(histogram))


def bollinger_percent_b(n: int, width: float = 2.0) -> Feature:
    """Bollinger %b: where the close lies between the bands mean ± width·std (Bollinger 2001).

    0 at the lower band, 1 at the upper, 0.5 where the close did not move.
    """

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.close)
        deviation, std = windowed.spread(bars.close, n)
        band = xp.maximum(2.0 * width * std, FLAT * newest(bars.close, std))
        return 0.5 + deviation / band

    return Feature(f"bollinger_percent_b_{n}", n, "0 lower band, 1 upper band", compute)


def _over_price(kernel: Kernel) -> Callable[[BarArrays, Windowed], Array]:
    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        filtered = windowed.filter(bars.close, kernel)
        return filtered / newest(bars.close, filtered)

    return compute
