"""What features of different kinds share: moves between bars, and division that cannot fail."""

from array_api_compat import array_namespace

from ordinis_mlflow.features.feature import BarArrays
from ordinis_mlflow.features.kernels import Array
from ordinis_mlflow.features.windowed import newest

FLAT = 1e-6
"""A price move below this share of the price counts as none, where a feature divides by it."""
STEADY = 1e-6
"""Volume that varies by less than this share of its mean counts as constant."""


def aligned(*arrays: Array) -> tuple[Array, ...]:
    """The newest rows that all of them have."""
    shortest = min(arrays, key=lambda array: int(array.shape[-1]))
    return tuple(newest(array, shortest) for array in arrays)


def ratio(part: Array, whole: Array, least: Array | float) -> Array:
    """``part / max(whole, least)``: where the whole is nothing, the part is too, and so is this.

    Args:
        part: shape (..., time).
        whole: shape (..., time), at least 0.
        least: a number, or shape (..., time); above 0.

    Returns:
        The newest rows that all have.
    """
    xp = array_namespace(part)
    if isinstance(least, float):
        part, whole = aligned(part, whole)
    else:
        part, whole, least = aligned(part, whole, least)
    return part / xp.maximum(whole, least)


def log_returns(bars: BarArrays) -> Array:
    """ln(C / C[-1]), shape (..., time - 1)."""
    close = bars.close
    return array_namespace(close).log(close[..., 1:] / close[..., :-1])


def true_extremes(bars: BarArrays) -> tuple[Array, Array]:
    """max(H, C[-1]) and min(L, C[-1]), each of shape (..., time - 1) (Wilder 1978)."""
    xp = array_namespace(bars.close)
    before = bars.close[..., :-1]
    return xp.maximum(bars.high[..., 1:], before), xp.minimum(bars.low[..., 1:], before)


def of_range(bars: BarArrays, part: Array) -> Array:
    """A part of the bar as a share of high less low; 0 where they are equal."""
    return ratio(part, bars.high - bars.low, FLAT * bars.close)
