"""Whether forecasts mean what they say."""

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring._vectors import vectors


def pit_uniformity(pit: npt.ArrayLike) -> float:
    """Kolmogorov–Smirnov distance between the transforms and the uniform distribution.

    max over the sorted u[1..n] of max(i / n - u[i], u[i] - (i - 1) / n). 0 is perfect; labels that
    overlap make the usual p-value too small, so none is given.

    Args:
        pit: (n,) probabilities, n >= 1.

    Returns:
        A distance in (0, 1].

    Raises:
        InvalidConfig: No value, or one outside [0, 1].
    """
    (u,) = vectors(least=1, pit=pit)
    u = np.sort(u)
    if u[0] < 0 or u[-1] > 1:
        raise InvalidConfig(
            f"pit must be probabilities in [0, 1], got {u[0]} to {u[-1]}; "
            "pass what probability_integral_transform gave"
        )
    rank = np.arange(u.size)
    return float(max(np.max((rank + 1) / u.size - u), np.max(u - rank / u.size)))
