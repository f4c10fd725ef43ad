"""The one parameter that the simple baselines fit."""

import numpy as np
from scipy import optimize

from ordinis_mlflow.baselines.baseline import Vector
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring.forecast import log_score_nats

SEARCH_NATS = 3.0
"""The scale is sought within a factor e³ ≈ 20 of the root mean square, both ways."""

STANDSTILL = 1e-12
"""Root mean square up to which values are rounding errors of a price that does not move."""


def fitted_scale(values: Vector, degrees_of_freedom: float, what: str) -> float:
    """Maximum-likelihood scale of a Student-t distribution around zero.

    arg max over s of Σ ln f(x / s; ν) / s.

    Args:
        values: (n,) in any unit, n >= 1.
        degrees_of_freedom: ν.
        what: the values are, for the error.

    Raises:
        InvalidConfig: there is no value, one is not finite, or all are zero.
    """
    if not len(values) or not np.isfinite(values).all():
        raise InvalidConfig(
            f"{what} must be finite and at least one, but {int(np.sum(~np.isfinite(values)))} of "
            f"{len(values)} are not finite; give rows whose labels are known"
        )
    size = float(np.sqrt(np.mean(values**2)))
    if size <= STANDSTILL:
        raise InvalidConfig(
            f"{what} must differ from zero, but their root mean square is {size:.3g}; "
            "a price that stands still has no scale, leave it out"
        )
    zeros = np.zeros(len(values))

    def loss(log_scale: float) -> float:
        scale = np.full(len(values), np.exp(log_scale))
        return -float(log_score_nats(values, zeros, scale, degrees_of_freedom).mean())

    bounds = (np.log(size) - SEARCH_NATS, np.log(size) + SEARCH_NATS)
    return float(np.exp(optimize.minimize_scalar(loss, bounds=bounds, method="bounded").x))
