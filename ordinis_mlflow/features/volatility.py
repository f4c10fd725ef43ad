"""Features of how far prices move: four estimators of volatility, and the bar's own range.

Volatilities are per bar, in log return. None is annualised: that is a matter of display.
"""

import math

from array_api_compat import array_namespace

from ordinis_mlflow.features.feature import BarArrays, Feature
from ordinis_mlflow.features.kernels import Array, wilder
from ordinis_mlflow.features.windowed import Windowed, newest


def realised_volatility(n: int) -> Feature:
    """Root mean square of the last ``n`` one-bar log returns (Andersen et al. 2003; mean zero)."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.close)
        returns = xp.log(bars.close[..., 1:] / bars.close[..., :-1])
        return xp.sqrt(windowed.mean(returns * returns, n))

    return Feature(f"realised_volatility_{n}", n + 1, "log return per bar", compute)


def parkinson_volatility(n: int) -> Feature:
    """Square root of the mean of ln(high / low)² / (4 ln 2) (Parkinson 1980)."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.close)
        span = xp.log(bars.high / bars.low)
        return xp.sqrt(windowed.mean(span * span, n) / (4.0 * math.log(2.0)))

    return Feature(f"parkinson_volatility_{n}", n, "log return per bar", compute)


def garman_klass_volatility(n: int) -> Feature:
    """Square root of the mean of ½ ln(high/low)² − (2 ln 2 − 1) ln(close/open)².

    Source: Garman and Klass 1980. The mean is cut at zero, which bars that open at one end and
    close at the other can undercut.
    """

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.close)
        span, body = xp.log(bars.high / bars.low), xp.log(bars.close / bars.open)
        spans, bodies = windowed.mean(span * span, n), windowed.mean(body * body, n)
        variance = 0.5 * spans - (2.0 * math.log(2.0) - 1.0) * bodies
        return xp.sqrt(xp.maximum(variance, 0.0))

    return Feature(f"garman_klass_volatility_{n}", n, "log return per bar", compute)


def average_true_range(period: int) -> Feature:
    """Average true range over price (Wilder 1978).

    Wilder's average of max(high, previous close) − min(low, previous close), divided by the close.
    """
    smoothing = wilder(period)

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.close)
        previous = bars.close[..., :-1]
        top, bottom = newest(bars.high, previous), newest(bars.low, previous)
        true_range = xp.maximum(top, previous) - xp.minimum(bottom, previous)
        average = windowed.filter(true_range, smoothing)
        return average / newest(bars.close, average)

    return Feature(f"average_true_range_{period}", smoothing.length + 1, "share of price", compute)


def high_low_range() -> Feature:
    """The bar's own range over price: (high − low) / close."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        return (bars.high - bars.low) / bars.close

    return Feature("high_low_range", 1, "share of price", compute)
