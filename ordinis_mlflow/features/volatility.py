"""Features of how far prices move: estimators of volatility, ranges and bands.

Volatilities are per bar, in log return. None is annualised: that is a matter of display.
"""

import math

from array_api_compat import array_namespace

from ordinis_mlflow.features.feature import BarArrays, Feature
from ordinis_mlflow.features.kernels import Array, exponential, wilder
from ordinis_mlflow.features.moves import FLAT, log_returns, ratio, true_extremes
from ordinis_mlflow.features.windowed import Windowed, newest

PER_BAR = "log return per bar"


def realised_volatility(n: int) -> Feature:
    """Root mean square of one-bar log returns, whose mean is taken as zero."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        returns = log_returns(bars)
        return array_namespace(returns).sqrt(windowed.mean(returns * returns, n))

    return Feature(
        name=f"realised_volatility_{n}",
        lookback=n + 1,
        unit=PER_BAR,
        formula=f"√ mean{n} r²",
        source="Andersen, Bollerslev, Diebold and Labys 2003",
        compute=compute,
    )


def ewma_volatility(decay: float) -> Feature:
    """Exponentially weighted root mean square of one-bar log returns."""
    average = exponential(1.0 - decay)

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        returns = log_returns(bars)
        return array_namespace(returns).sqrt(windowed.filter(returns * returns, average))

    return Feature(
        name=f"ewma_volatility_{round(100 * decay)}",
        lookback=average.length + 1,
        unit=PER_BAR,
        formula=f"√ Σ {decay}ᵏ r[-k]² / Σ {decay}ᵏ",
        source="J.P. Morgan 1996, RiskMetrics",
        compute=compute,
    )


def parkinson_volatility(n: int) -> Feature:
    """Volatility from the range of high and low."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.close)
        span = xp.log(bars.high / bars.low)
        return xp.sqrt(windowed.mean(span * span, n) / (4.0 * math.log(2.0)))

    return Feature(
        name=f"parkinson_volatility_{n}",
        lookback=n,
        unit=PER_BAR,
        formula=f"√ mean{n} ln(H / L)² / (4 ln 2)",
        source="Parkinson 1980",
        compute=compute,
    )


def garman_klass_volatility(n: int) -> Feature:
    """Volatility from range and body.

    The mean is cut at zero, which bars that open at one end and close at the other can undercut.
    """

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.close)
        span, body = xp.log(bars.high / bars.low), xp.log(bars.close / bars.open)
        spans, bodies = windowed.mean(span * span, n), windowed.mean(body * body, n)
        variance = 0.5 * spans - (2.0 * math.log(2.0) - 1.0) * bodies
        return xp.sqrt(xp.maximum(variance, 0.0))

    return Feature(
        name=f"garman_klass_volatility_{n}",
        lookback=n,
        unit=PER_BAR,
        formula=f"√ mean{n} (½ ln(H / L)² − (2 ln 2 − 1) ln(C / O)²)",
        source="Garman and Klass 1980",
        compute=compute,
    )


def rogers_satchell_volatility(n: int) -> Feature:
    """Volatility from the whole bar, unbiased also under a drift."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        variance = windowed.mean(_rogers_satchell(bars), n)
        return array_namespace(variance).sqrt(variance)

    return Feature(
        name=f"rogers_satchell_volatility_{n}",
        lookback=n,
        unit=PER_BAR,
        formula=f"√ mean{n} (ln(H / C) ln(H / O) + ln(L / C) ln(L / O))",
        source="Rogers and Satchell 1991",
        compute=compute,
    )


def yang_zhang_volatility(n: int) -> Feature:
    """Volatility from overnight gaps and whole bars, unbiased under drift and gaps."""
    share = 0.34 / (1.34 + (n + 1) / (n - 1))

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.close)
        _, gaps = windowed.spread(xp.log(bars.open[..., 1:] / bars.close[..., :-1]), n)
        _, days = windowed.spread(xp.log(bars.close / bars.open), n)
        within = newest(windowed.mean(_rogers_satchell(bars), n), gaps)
        days = newest(days, gaps)
        variance = (gaps * gaps + share * (days * days)) * (n / (n - 1)) + (1.0 - share) * within
        return xp.sqrt(variance)

    return Feature(
        name=f"yang_zhang_volatility_{n}",
        lookback=n + 1,
        unit=PER_BAR,
        formula=(
            f"√ (var ln(O / C[-1]) + k var ln(C / O) + (1 − k) Rogers-Satchell²) over {n} bars, "
            f"k = 0.34 / (1.34 + {n + 1}/{n - 1})"
        ),
        source="Yang and Zhang 2000",
        compute=compute,
    )


def average_true_range(period: int) -> Feature:
    """Average true range over price."""
    smoothing = wilder(period)

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        top, bottom = true_extremes(bars)
        average = windowed.filter(top - bottom, smoothing)
        return average / newest(bars.close, average)

    return Feature(
        name=f"average_true_range_{period}",
        lookback=smoothing.length + 1,
        unit="share of price",
        formula=f"Wilder's average over {period} of max(H, C[-1]) − min(L, C[-1]), over C",
        source="Wilder 1978, New Concepts in Technical Trading Systems",
        compute=compute,
    )


def volatility_ratio(short: int, long: int) -> Feature:
    """Recent over long-run realised volatility; 0 where the close did not move."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        returns = log_returns(bars)
        squares = returns * returns
        share = ratio(windowed.mean(squares, short), windowed.mean(squares, long), FLAT * FLAT)
        return array_namespace(share).sqrt(share)

    return Feature(
        name=f"volatility_ratio_{short}_{long}",
        lookback=long + 1,
        unit="ratio",
        formula=f"√ (mean{short} r² / mean{long} r²)",
        source="after Corsi 2009",
        compute=compute,
    )


def bollinger_percent_b(n: int, width: float = 2.0) -> Feature:
    """Where the close lies between the Bollinger bands; 0.5 where the close did not move."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        deviation, std = windowed.spread(bars.close, n)
        return 0.5 + ratio(deviation, 2.0 * width * std, FLAT * bars.close)

    return Feature(
        name=f"bollinger_percent_b_{n}",
        lookback=n,
        unit="0 lower band, 1 upper band",
        formula=f"½ + (C − mean{n} C) / ({2 * width:g} std{n} C)",
        source="Bollinger 2001",
        compute=compute,
    )


def bollinger_bandwidth(n: int, width: float = 2.0) -> Feature:
    """Width of the Bollinger bands over the moving average."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        deviation, std = windowed.spread(bars.close, n)
        return 2.0 * width * std / (newest(bars.close, deviation) - deviation)

    return Feature(
        name=f"bollinger_bandwidth_{n}",
        lookback=n,
        unit="share of price",
        formula=f"{2 * width:g} std{n} C / mean{n} C",
        source="Bollinger 2001",
        compute=compute,
    )


def high_low_range() -> Feature:
    """The bar's own range over price."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        return (bars.high - bars.low) / bars.close

    return Feature(
        name="high_low_range",
        lookback=1,
        unit="share of price",
        formula="(H − L) / C",
        source="definition",
        compute=compute,
    )


def _rogers_satchell(bars: BarArrays) -> Array:
    """Variance of one bar: neither product is negative where low ≤ open, close ≤ high."""
    log = array_namespace(bars.close).log
    above = log(bars.high / bars.close) * log(bars.high / bars.open)
    return above + log(bars.low / bars.close) * log(bars.low / bars.open)
