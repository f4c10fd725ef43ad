"""Scores of a predictive distribution against what happened.

The distribution is Student's t: realised = mean + scale · T, with T of `degrees_of_freedom`. All
returns are log returns over the horizon. `scale` is the t scale and not the standard deviation,
which is scale · sqrt(ν / (ν - 2)) for ν > 2.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats

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


def rank_information_coefficient(prediction: npt.ArrayLike, realised: npt.ArrayLike) -> float:
    """Spearman's rank correlation; 0.0 where either side is constant, as nothing was ranked.

    The Pearson correlation of the average ranks (Spearman 1904; the "rank IC" of Grinold & Kahn).

    Args:
        prediction: (n,) any unit, n >= 1.
        realised: (n,) log return over the horizon.

    Returns:
        A correlation in [-1, 1], never nan.

    Raises:
        InvalidConfig: No value, a value that is not finite, or different lengths.
    """
    prediction, realised = vectors(least=1, prediction=prediction, realised=realised)
    if np.ptp(prediction) == 0 or np.ptp(realised) == 0:
        return 0.0
    ranks = stats.rankdata(np.stack([prediction, realised]), axis=1)
    return float(np.clip(np.corrcoef(ranks)[0, 1], -1, 1))


@dataclass(frozen=True)
class MeanWithError:
    """A mean and how uncertain it is.

    Attributes:
        value: The mean, in the unit of the values.
        standard_error: Of the mean, same unit.
        n: Number of values.
    """

    value: float
    standard_error: float
    n: int


def newey_west_mean(x: npt.ArrayLike, lags: int) -> MeanWithError:
    """Mean of an autocorrelated series with its standard error; for paired score differences.

    With e = x - mean(x), γ[j] = Σ e[t] e[t-j] / n and Bartlett weights:

        standard_error² = (γ[0] + 2 Σ_{j=1..lags} (1 - j / (lags + 1)) γ[j]) / n

    (Newey & West 1987, no small-sample correction.) Labels over h bars overlap for h - 1 bars, so
    lags must be h - 1 or more.

    Args:
        x: (n,) in time order, n >= 2.
        lags: 0 <= lags < n.

    Returns:
        Mean, standard error and n.

    Raises:
        InvalidConfig: Fewer than two values, a value that is not finite, or lags out of range.
    """
    (x,) = vectors(least=2, x=x)
    n = x.size
    if not 0 <= lags < n:
        raise InvalidConfig(
            f"lags must be from 0 to {n - 1} for {n} values, got {lags}; "
            "give the label's horizon in bars minus 1, or more values"
        )
    e = x - x.mean()
    weighted = [(1 - j / (lags + 1)) * float(e[j:] @ e[: n - j]) for j in range(1, lags + 1)]
    long_run_variance = (float(e @ e) + 2 * math.fsum(weighted)) / n
    return MeanWithError(float(x.mean()), math.sqrt(max(long_run_variance, 0.0) / n), n)


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
