"""The one check that every score makes of its arguments."""

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
