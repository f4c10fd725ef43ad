"""Scores of a predictive distribution against what happened.

The distribution is Student's t: realised = mean + scale · T, with T of `degrees_of_freedom`. All
returns are log returns over the horizon. `scale` is the t scale and not the standard deviation,
which is scale · sqrt(ν / (ν - 2)) for ν > 2.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring._vectors import Vector, vectors


def log_score_nats(
    realised: npt.ArrayLike, mean: npt.ArrayLike, scale: npt.ArrayLike, degrees_of_freedom: float
) -> Vector:
    """Log density that the forecast gave to the outcome; higher is better.

    With z = (realised - mean) / scale and ν degrees of freedom:

        ln Γ((ν + 1) / 2) - ln Γ(ν / 2) - ln(ν π) / 2 - ln scale - (ν + 1) / 2 · ln(1 + z² / ν)

    A proper score (Gneiting & Raftery 2007). It is a log density of log returns, so only
    differences between forecasts of the same outcomes mean something.

    Args:
        realised: (n,) log return over the horizon.
        mean: (n,) location, log return over the horizon.
        scale: (n,) t scale, log return over the horizon, positive.
        degrees_of_freedom: Positive and finite.

    Returns:
        (n,) nats.

    Raises:
        InvalidConfig: An array is not finite, lengths differ, or scale or degrees are not positive.
    """
    z, scale = _standardised(realised, mean, scale, degrees_of_freedom)
    half = degrees_of_freedom / 2
    # Γ(ν/2 + 1/2) / Γ(ν/2) as one function: the difference of two log gammas cancels at large ν.
    peak = math.log(special.poch(half, 0.5)) - math.log(degrees_of_freedom * math.pi) / 2
    score: Vector = peak - np.log(scale) - (half + 0.5) * np.log1p(z * z / degrees_of_freedom)
    return score


def probability_integral_transform(
    realised: npt.ArrayLike, mean: npt.ArrayLike, scale: npt.ArrayLike, degrees_of_freedom: float
) -> Vector:
    """Probability that the forecast gave to outcomes up to the realised one.

    F((realised - mean) / scale), F the t distribution function. Uniform on [0, 1] if the forecasts
    are calibrated (Diebold, Gunther & Tay 1998).

    Args:
        realised: (n,) log return over the horizon.
        mean: (n,) location, log return over the horizon.
        scale: (n,) t scale, log return over the horizon, positive.
        degrees_of_freedom: Positive and finite.

    Returns:
        (n,) probabilities.

    Raises:
        InvalidConfig: As `log_score_nats`.
    """
    z, _ = _standardised(realised, mean, scale, degrees_of_freedom)
    probability: Vector = special.stdtr(degrees_of_freedom, z)
    return probability


def _standardised(
    realised: npt.ArrayLike, mean: npt.ArrayLike, scale: npt.ArrayLike, degrees_of_freedom: float
) -> tuple[Vector, Vector]:
    """(n,) of z = (realised - mean) / scale, and the checked (n,) scale."""
    if not 0 < degrees_of_freedom < math.inf:
        raise InvalidConfig(
            f"degrees_of_freedom must be positive and finite, got {degrees_of_freedom!r}; "
            "for a nearly normal forecast give a large number"
        )
    realised, mean, scale = vectors(realised=realised, mean=mean, scale=scale)
    bad = np.flatnonzero(scale <= 0)
    if bad.size:
        raise InvalidConfig(
            f"scale must be positive, but value {int(bad[0])} is {scale[bad[0]]} "
            f"({bad.size} such values); pass the t scale of the forecast, not its logarithm"
        )
    return (realised - mean) / scale, scale
