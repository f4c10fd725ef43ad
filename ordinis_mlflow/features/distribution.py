"""Features of the shape of the latest returns: their asymmetry, tails, jumps and memory.

Means are taken as zero where the source does, which over bars of a day or less is closer than the
mean of a window. Returns below 1e-6 count as none, where a feature divides by their size.
"""

import math

from array_api_compat import array_namespace

from ordinis_mlflow.features.feature import BarArrays, Feature
from ordinis_mlflow.features.kernels import Array
from ordinis_mlflow.features.moves import FLAT, aligned, log_returns, ratio
from ordinis_mlflow.features.windowed import Windowed


def skewness(n: int) -> Feature:
    """Skewness of one-bar log returns; 0 where the close did not move."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        mean, squares, cubes, _ = _moments(bars, windowed, n)
        variance = squares - mean * mean
        third = cubes - mean * (3.0 * squares - 2.0 * mean * mean)
        floor = array_namespace(variance).maximum(variance, FLAT * FLAT)
        return third / floor**1.5

    return Feature(
        name=f"skewness_{n}",
        lookback=n + 1,
        unit="standard deviations cubed",
        formula=f"mean{n} (r − mean r)³ / std³",
        source="Fisher 1930",
        compute=compute,
    )


def excess_kurtosis(n: int) -> Feature:
    """Excess kurtosis of one-bar log returns; 0 where the close did not move."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        mean, squares, cubes, fourths = _moments(bars, windowed, n)
        variance = squares - mean * mean
        fourth = fourths - mean * (4.0 * cubes - mean * (6.0 * squares - 3.0 * mean * mean))
        squared = variance * variance
        return ratio(fourth - 3.0 * squared, squared, FLAT**4)

    return Feature(
        name=f"excess_kurtosis_{n}",
        lookback=n + 1,
        unit="standard deviations to the fourth",
        formula=f"mean{n} (r − mean r)⁴ / std⁴ − 3",
        source="Fisher 1930",
        compute=compute,
    )


def downside_share(n: int) -> Feature:
    """Share of falls in the realised variance; 0.5 where the close did not move."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        returns = log_returns(bars)
        sizes = array_namespace(returns).abs(returns)
        surplus = windowed.mean(returns * sizes, n)
        return 0.5 - 0.5 * ratio(surplus, windowed.mean(sizes * sizes, n), FLAT * FLAT)

    return Feature(
        name=f"downside_share_{n}",
        lookback=n + 1,
        unit="0 to 1",
        formula=f"Σ{n} min(r, 0)² / Σ{n} r²",
        source="Barndorff-Nielsen, Kinnebrock and Shephard 2010",
        compute=compute,
    )


def jump_share(n: int) -> Feature:
    """Share of jumps in the realised variance, by bipower variation, cut at zero."""
    scale = math.pi / 2.0

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        returns = log_returns(bars)
        xp = array_namespace(returns)
        sizes = xp.abs(returns)
        realised, bipower = aligned(
            windowed.mean(sizes * sizes, n),
            windowed.mean(sizes[..., 1:] * sizes[..., :-1], n - 1),
        )
        return ratio(xp.maximum(realised - scale * bipower, 0.0), realised, FLAT * FLAT)

    return Feature(
        name=f"jump_share_{n}",
        lookback=n + 1,
        unit="0 to 1",
        formula=f"max(0, 1 − (π/2) mean{n - 1} |r r[-1]| / mean{n} r²)",
        source="Barndorff-Nielsen and Shephard 2004",
        compute=compute,
    )


def autocorrelation(n: int) -> Feature:
    """Correlation of a one-bar log return with the one before; 0 where the close did not move."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        returns = log_returns(bars)
        now, before = returns[..., 1:], returns[..., :-1]
        xp = array_namespace(returns)
        sizes = xp.sqrt(windowed.mean(now * now, n)) * xp.sqrt(windowed.mean(before * before, n))
        return ratio(windowed.mean(now * before, n), sizes, FLAT * FLAT)

    return Feature(
        name=f"autocorrelation_1_{n}",
        lookback=n + 2,
        unit="-1 to 1",
        formula=f"Σ{n} r r[-1] / √(Σ{n} r² Σ{n} r[-1]²)",
        source="Campbell, Lo and MacKinlay 1997",
        compute=compute,
    )


def variance_ratio(q: int, n: int) -> Feature:
    """Variance over ``q`` bars over ``q`` times that of one: above 1 in trends, 1 where flat.

    Both see the same ``n`` returns: a jump that only one of them saw would make the other nothing.
    """

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        close, returns = bars.close, log_returns(bars)
        together = array_namespace(close).log(close[..., q:] / close[..., :-q])
        long, one = aligned(
            windowed.mean(together * together, n - q + 1) / q, windowed.mean(returns * returns, n)
        )
        return 1.0 + ratio(long - one, one, FLAT * FLAT)

    return Feature(
        name=f"variance_ratio_{q}_{n}",
        lookback=n + 1,
        unit="ratio",
        formula=f"mean{n - q + 1} ln(C / C[-{q}])² / ({q} mean{n} r²)",
        source="Lo and MacKinlay 1988",
        compute=compute,
    )


def _moments(bars: BarArrays, windowed: Windowed, n: int) -> tuple[Array, Array, Array, Array]:
    """Means of the first four powers of one-bar log returns.

    Not about the mean: over bars it is small beside the deviation, and costs no digits.
    """
    returns = log_returns(bars)
    squares = returns * returns
    powers = (returns, squares, squares * returns, squares * squares)
    first, second, third, fourth = (windowed.mean(power, n) for power in powers)
    return first, second, third, fourth
