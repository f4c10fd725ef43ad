"""Features of the close: returns, momentum and bands. All are unchanged when prices are scaled."""

from collections.abc import Callable

import numpy as np
from array_api_compat import array_namespace

from ordinis_mlflow.features.feature import BarArrays, Feature
from ordinis_mlflow.features.windowed import (
    Array,
    Weights,
    Windowed,
    change,
    ema_weights,
    newest,
    wilder_weights,
)

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
    weights = wilder_weights(period)

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.close)
        move = change(bars.close, 1)
        total = windowed.filter(xp.abs(move), weights)
        floor = FLAT * newest(bars.close, total)
        return 50.0 + 50.0 * windowed.filter(move, weights) / xp.maximum(total, floor)

    return Feature(f"rsi_{period}", len(weights) + 1, "0 to 100", compute)


def macd_line(fast: int, slow: int) -> Feature:
    """Moving average convergence divergence over price (Appel 1979): (fast − slow EMA) / close."""
    weights = _macd_weights(fast, slow)
    return Feature(f"macd_{fast}_{slow}", len(weights), "share of price", _over_price(weights))


def macd_histogram(fast: int, slow: int, signal: int) -> Feature:
    """MACD line less its own EMA over ``signal`` bars, over price (Appel 1979)."""
    line = _macd_weights(fast, slow)
    weights = _padded(line, len(line) + len(ema_weights(signal)) - 1)
    weights = weights - np.convolve(line, ema_weights(signal))
    name = f"macd_histogram_{fast}_{slow}_{signal}"
    return Feature(name, len(weights), "share of price", _over_price(weights))


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


def _macd_weights(fast: int, slow: int) -> Weights:
    slow_weights = ema_weights(slow)
    return _padded(ema_weights(fast), len(slow_weights)) - slow_weights


def _padded(weights: Weights, length: int) -> Weights:
    return np.pad(weights, (0, length - len(weights)))


def _over_price(weights: Weights) -> Callable[[BarArrays, Windowed], Array]:
    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        filtered = windowed.filter(bars.close, weights)
        return filtered / newest(bars.close, filtered)

    return compute
