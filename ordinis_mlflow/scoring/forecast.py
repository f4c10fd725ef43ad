"""Scores of a predictive distribution against what happened.

The distribution is Student's t: realised = mean + scale · T, with T of `degrees_of_freedom`. All
returns are log returns over the horizon. `scale` is the t scale and not the standard deviation,
which is scale · sqrt(ν / (ν - 2)) for ν > 2. ν is one number, or one for each row.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring._vectors import Vector, vectors


def log_score_nats(
    realised: npt.ArrayLike,
    mean: npt.ArrayLike,
    scale: npt.ArrayLike,
    degrees_of_freedom: npt.ArrayLike,
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
        degrees_of_freedom: One number or (n,); positive and finite.

    Returns:
        (n,) nats.

    Raises:
        InvalidConfig: A value is not finite, lengths differ, or scale or degrees are not positive.

    Example:
        >>> log_score_nats([0.0, 0.02], [0.0, 0.0], [0.01, 0.01], [4.0, 1e9]).round(4)
        array([3.6243, 1.6862])
    """
    z, scale, nu = _standardised(realised, mean, scale, degrees_of_freedom)
    score: Vector = _log_density(z, nu) - np.log(scale)
    return score


def crps(
    realised: npt.ArrayLike,
    mean: npt.ArrayLike,
    scale: npt.ArrayLike,
    degrees_of_freedom: npt.ArrayLike,
) -> Vector:
    """Continuous ranked probability score, ∫ (F(x) - 1[realised <= x])² dx; lower is better.

    With z = (realised - mean) / scale, F and f the t distribution and density, B the beta function:

        scale · (z (2 F(z) - 1) + 2 f(z) (ν + z²) / (ν - 1)
                 - 2 sqrt(ν) / (ν - 1) · B(1/2, ν - 1/2) / B(1/2, ν / 2)²)

    (Jordan, Krüger & Lerch 2019.) In the unit of the returns, and less harsh than the log score on
    one outcome far in a tail.

    Args:
        realised: (n,) log return over the horizon.
        mean: (n,) location, log return over the horizon.
        scale: (n,) t scale, log return over the horizon, positive.
        degrees_of_freedom: One number or (n,); above 1, as the score of a Cauchy is infinite.

    Returns:
        (n,) log returns, positive.

    Raises:
        InvalidConfig: As `log_score_nats`; also degrees_of_freedom of 1 or less.

    Example:
        >>> crps([0.0, 0.02], [0.0, 0.0], [0.01, 0.01], [4.0, 1e9]).round(5)
        array([0.00264, 0.01453])
    """
    z, scale, nu = _standardised(realised, mean, scale, degrees_of_freedom, above=1)
    density = np.exp(_log_density(z, nu))
    # The beta functions as rising factorials, which neither overflow nor cancel at large ν.
    ratio = special.poch(nu / 2, 0.5) ** 2 / special.poch(nu - 0.5, 0.5) / math.sqrt(math.pi)
    inside = density * (nu + z * z) - np.sqrt(nu) * ratio
    score: Vector = scale * (z * (2 * special.stdtr(nu, z) - 1) + 2 * inside / (nu - 1))
    return score


def pinball_loss(
    realised: npt.ArrayLike,
    mean: npt.ArrayLike,
    scale: npt.ArrayLike,
    degrees_of_freedom: npt.ArrayLike,
    level: float,
) -> Vector:
    """Loss of the forecast's quantile q at one level; lower is better.

        (realised - q) · (level - 1[realised < q])        q = mean + scale · F⁻¹(level)

    The score that the true quantile minimises (Koenker & Bassett 1978); at 0.01 or 0.05 it judges a
    value at risk. Twice its integral over the levels is `crps`.

    Args:
        realised: (n,) log return over the horizon.
        mean: (n,) location, log return over the horizon.
        scale: (n,) t scale, log return over the horizon, positive.
        degrees_of_freedom: One number or (n,); positive and finite.
        level: Probability in (0, 1).

    Returns:
        (n,) log returns, not negative.

    Raises:
        InvalidConfig: As `log_score_nats`; also a level that is not inside (0, 1).

    Example:
        >>> pinball_loss([-0.03, 0.01], [0.0, 0.0], [0.01, 0.01], 4.0, level=0.05).round(5)
        array([0.00825, 0.00157])
    """
    if not 0 < level < 1:
        raise InvalidConfig(
            f"level must be a probability inside (0, 1), got {level!r}; "
            "give 0.05 for the quantile that 5 % of outcomes fall below"
        )
    z, scale, nu = _standardised(realised, mean, scale, degrees_of_freedom)
    above = z - special.stdtrit(nu, level)
    loss: Vector = scale * above * (level - (above < 0))
    return loss


def qlike(
    realised: npt.ArrayLike, scale: npt.ArrayLike, degrees_of_freedom: npt.ArrayLike
) -> Vector:
    """Loss of the forecast variance h against the squared return; lower is better.

        ln h + realised² / h        h = scale² · ν / (ν - 2)

    The squared return is a noisy but unbiased proxy of the variance, the same for all forecasters,
    and this loss ranks forecasts by it as by the true variance (Patton 2011). Only differences
    between forecasts of the same outcomes mean something. A return of 0 costs ln h.

    Args:
        realised: (n,) log return over the horizon, of mean about 0.
        scale: (n,) t scale, log return over the horizon, positive.
        degrees_of_freedom: One number or (n,); above 2, as else there is no variance.

    Returns:
        (n,) losses.

    Raises:
        InvalidConfig: As `log_score_nats`; also degrees_of_freedom of 2 or less.

    Example:
        >>> qlike([0.0, 0.02], [0.01, 0.01], 4.0).round(4)
        array([-8.5172, -6.5172])
    """
    z, scale, nu = _standardised(realised, np.zeros_like(scale), scale, degrees_of_freedom, above=2)
    share = 1 - 2 / nu  # of scale² in h; h itself could underflow
    loss: Vector = 2 * np.log(scale) - np.log(share) + z * z * share
    return loss


def probability_integral_transform(
    realised: npt.ArrayLike,
    mean: npt.ArrayLike,
    scale: npt.ArrayLike,
    degrees_of_freedom: npt.ArrayLike,
) -> Vector:
    """Probability that the forecast gave to outcomes up to the realised one.

    F((realised - mean) / scale), F the t distribution function. Uniform on [0, 1] if the forecasts
    are calibrated (Diebold, Gunther & Tay 1998).

    Args:
        realised: (n,) log return over the horizon.
        mean: (n,) location, log return over the horizon.
        scale: (n,) t scale, log return over the horizon, positive.
        degrees_of_freedom: One number or (n,); positive and finite.

    Returns:
        (n,) probabilities.

    Raises:
        InvalidConfig: As `log_score_nats`.
    """
    z, _, nu = _standardised(realised, mean, scale, degrees_of_freedom)
    probability: Vector = special.stdtr(nu, z)
    return probability


def _log_density(z: Vector, nu: Vector) -> Vector:
    """(n,) log density of Student's t at z."""
    # Γ(ν/2 + 1/2) / Γ(ν/2) as one function: the difference of two log gammas cancels at large ν.
    peak = np.log(special.poch(nu / 2, 0.5)) - np.log(nu * math.pi) / 2
    density: Vector = peak - (nu / 2 + 0.5) * np.log1p(z * z / nu)
    return density


def _standardised(
    realised: npt.ArrayLike,
    mean: npt.ArrayLike,
    scale: npt.ArrayLike,
    degrees_of_freedom: npt.ArrayLike,
    above: float = 0,
) -> tuple[Vector, Vector, Vector]:
    """(n,) of z = (realised - mean) / scale, the checked (n,) scale and () or (n,) degrees."""
    realised, mean, scale = vectors(realised=realised, mean=mean, scale=scale)
    nu = _degrees(degrees_of_freedom, scale.size, above)
    bad = np.flatnonzero(scale <= 0)
    if bad.size:
        raise InvalidConfig(
            f"scale must be positive, but value {int(bad[0])} is {scale[bad[0]]} "
            f"({bad.size} such values); pass the t scale of the forecast, not its logarithm"
        )
    return (realised - mean) / scale, scale, nu


def _degrees(degrees_of_freedom: npt.ArrayLike, n: int, above: float) -> Vector:
    """Degrees of freedom as () or (n,) float64, each finite and above a bound.

    One number for all rows stays one number: what depends on it alone is then computed once.
    """
    nu = np.asarray(degrees_of_freedom, dtype=np.float64)
    if nu.shape not in ((), (n,)):
        raise InvalidConfig(f"degrees_of_freedom must be one number or ({n},), got {nu.shape}")
    bad = np.flatnonzero(~((nu > above) & (nu < math.inf)))
    if bad.size:
        where = f" at row {int(bad[0])} ({bad.size} such rows)" if nu.ndim else ""
        raise InvalidConfig(
            f"degrees_of_freedom must be above {above} and finite, got {nu.flat[bad[0]]}{where}; "
            "for a nearly normal forecast give a large number"
        )
    return nu
