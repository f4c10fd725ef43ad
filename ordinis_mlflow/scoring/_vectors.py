"""The checks that scores make of their arguments."""

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig

Vector: TypeAlias = npt.NDArray[np.float64]


def vectors(least: int = 0, **named: npt.ArrayLike) -> list[Vector]:
    """Give each argument as a (n,) float64 array: finite, all of one length, n >= `least`.

    Raises:
        InvalidConfig: An argument breaks one of these rules; it is named.
    """
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in named.items()}
    shapes = {name: values.shape for name, values in arrays.items()}
    if len(set(shapes.values())) != 1 or any(len(shape) != 1 for shape in shapes.values()):
        raise InvalidConfig(f"scores need one-dimensional arrays of one length, got {shapes}")
    for name, values in arrays.items():
        if values.size < least:
            raise InvalidConfig(f"{name} needs at least {least} values, got {values.size}")
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise InvalidConfig(
                f"{name} must be finite, but value {int(bad[0])} is {values[bad[0]]} "
                f"({bad.size} such values); drop these samples first"
            )
    return list(arrays.values())


def varying_returns(what: str, returns: npt.ArrayLike) -> Vector:
    """Give (n,) finite returns, n >= 2, that are not all equal unless all are 0.

    Raises:
        InvalidConfig: They break one of these rules; `what` says which score needs them.
    """
    (returns,) = vectors(least=2, returns=returns)
    if returns[0] != 0 and np.ptp(returns) == 0:
        raise InvalidConfig(
            f"{what} needs returns that vary, got {returns.size} times {returns[0]}; "
            "check what was passed as returns"
        )
    return returns


def per_root_year(bars_per_year: float) -> float:
    """Give sqrt(bars_per_year), which a ratio per bar is multiplied by for one per root of a year.

    Raises:
        InvalidConfig: It is not positive and finite.
    """
    if not 0 < bars_per_year < math.inf:
        raise InvalidConfig(
            f"bars_per_year must be positive and finite, got {bars_per_year!r}; "
            "give what bars_per_year() says of the timestamps"
        )
    return math.sqrt(bars_per_year)
