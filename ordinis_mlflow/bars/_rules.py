"""The rules that the five numbers of a bar obey; one definition for training and for serving."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidBars

COLUMNS = ("open", "high", "low", "close", "volume")
"""The order of the last axis of every array of bars."""

TOLERANCE = 1e-6
"""How far open and close may lie outside [low, high], as a fraction of the larger of the two.

Vendors round each adjusted price on its own, so that a close equal to the high can end a rounding
step above it. A millionth of the price is above such rounding and far below a tick.
"""

_SHRINK = 1.0 - TOLERANCE


@dataclass(frozen=True)
class Violation:
    """The first bar that breaks a rule.

    Attributes:
        index: Position of the bar along the leading axes; (window, step) for windows.
        rule: The rule with the offending values, such as "high 99.0 is below low 100.0".
    """

    index: tuple[int, ...]
    rule: str


def check_values(values: npt.NDArray[Any]) -> Violation | None:
    """Find the first bar that breaks a rule.

    The rules: every number is finite; prices are above zero; volume is not negative; high is not
    below low; open and close lie inside [low, high] up to `TOLERANCE`.

    Args:
        values: (..., 5) real numbers in the order of `COLUMNS`; prices in any currency, volume in
            any unit. float32 is judged in float32.

    Returns:
        The first violation in row-major order; None when every bar obeys (or there is no bar).

    Raises:
        InvalidBars: The array is not real numbers with a last axis of five.
    """
    if values.ndim == 0 or values.shape[-1] != len(COLUMNS) or values.dtype.kind not in "fiu":
        raise InvalidBars(
            f"bars have shape {values.shape} and type {values.dtype}; "
            f"pass real numbers of shape (..., 5) in the order {', '.join(COLUMNS)}"
        )
    obeys = _obeys(values)
    if obeys.all():
        return None
    index = tuple(int(i) for i in np.unravel_index(int(np.argmin(obeys)), obeys.shape))
    return Violation(index, next(_broken_rules(values[index])))


def _obeys(values: npt.NDArray[Any]) -> Any:
    """Which bars obey all rules, (...) bool; a dozen short passes, as each request pays for it.

    A comparison with NaN is False, so NaN needs no pass of its own; prices that lie between a
    positive low and a finite high need none for zero and infinity. Multiplying the smaller side
    by less than one cannot overflow, unlike widening the larger side.
    """
    open_, high, low = values[..., 0], values[..., 1], values[..., 2]
    close, volume = values[..., 3], values[..., 4]
    return (
        (low > 0)
        & (high >= low)
        & (volume >= 0)
        & (np.maximum(high, volume) < np.inf)
        & (np.maximum(open_, close) * _SHRINK <= high)
        & (low * _SHRINK <= np.minimum(open_, close))
    )


def _broken_rules(bar: npt.NDArray[Any]) -> Iterator[str]:
    """Say which rules one bar breaks, the most basic first.

    Args:
        bar: (5,) in its own type: the same arithmetic as in `_obeys` must find the same fault.
    """
    for name, value in zip(COLUMNS, bar, strict=True):
        if not np.isfinite(value):
            yield f"{name} {value} is not a finite number"
    for name, value in zip(COLUMNS[:4], bar, strict=False):
        if value <= 0:
            yield f"{name} {value} is not above zero"
    open_, high, low, close, volume = bar
    if volume < 0:
        yield f"volume {volume} is negative"
    if high < low:
        yield f"high {high} is below low {low}"
    for name, value in (("open", open_), ("close", close)):
        if value * _SHRINK > high:
            yield f"{name} {value} is above high {high}"
        if low * _SHRINK > value:
            yield f"{name} {value} is below low {low}"
