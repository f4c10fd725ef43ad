"""Means and correlations of scores in time order, each with its standard error.

Neighbouring values depend on each other where labels overlap; Bartlett weights over `lags` (Newey &
West 1987) take that into the standard error.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring._long_run import Dates, long_run_covariance, sums_by_date
from ordinis_mlflow.scoring._vectors import Vector, vectors


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
    return MeanWithError(float(x.mean()), _error_of_mean(x, lags), x.size)


def correlation_influence(
    prediction: npt.ArrayLike, realised: npt.ArrayLike
) -> tuple[float, Vector]:
    """Pearson's correlation ρ and what each pair adds to it.

    With z the standardised values (variance over n), the influence function of the correlation:

        ρ = mean(z_x z_y)        influence = z_x z_y - ρ / 2 (z_x² + z_y²)

    Its mean is 0 and its long-run variance over n is the squared standard error of ρ (Devlin,
    Gnanadesikan & Kettenring 1975). A constant prediction ranks nothing: ρ and influence are 0.

    Args:
        prediction: (n,) any unit, n >= 2.
        realised: (n,) log return over the horizon, not all equal.

    Returns:
        ρ in [-1, 1], and (n,) influence.

    Raises:
        InvalidConfig: Fewer than two pairs, a value that is not finite, different lengths, or
            outcomes that are all equal.
    """
    prediction, realised = vectors(least=2, prediction=prediction, realised=realised)
    if _is_constant(realised):
        raise InvalidConfig(
            f"a correlation needs outcomes that vary, got {realised.size} times {realised[0]}; "
            "check what was passed as realised"
        )
    if _is_constant(prediction):
        return 0.0, np.zeros(prediction.size)
    x, y = _standard(prediction), _standard(realised)
    rho = float(np.clip(np.mean(x * y), -1, 1))
    return rho, x * y - rho / 2 * (x * x + y * y)


def information_coefficient(
    prediction: npt.ArrayLike,
    realised: npt.ArrayLike,
    lags: int,
    dates: Dates | None = None,
    rank: bool = False,
) -> MeanWithError:
    """Correlation of forecast and outcome, the "IC" of Grinold & Kahn (2000), with its error.

    `correlation_influence` summed within each date, as symbols of one day move together; with s[d]
    these sums and Bartlett weights over dates:

        standard_error² = (Σ s[d]² + 2 Σ_{j=1..lags} (1 - j / (lags + 1)) Σ s[d] s[d-j]) / n²

    A constant prediction has 0.0 with error 0.0, as it ranks nothing.

    Args:
        prediction: (n,) any unit, n >= 2.
        realised: (n,) log return over the horizon, not all equal.
        lags: In dates, 0 <= lags < number of dates; the label's horizon in bars minus 1, or more.
        dates: (n,) time of each decision, rows in any order. None: one row a date, in time order.
        rank: Correlate the average ranks over all rows (Spearman 1904), the "rank IC". The error
            takes the ranks as given: within 1 % of the truth up to a correlation of 0.5 between
            normal values, 4 % too small at 0.8.

    Returns:
        Correlation, standard error and number of pairs.

    Raises:
        InvalidConfig: As `correlation_influence`; also a missing date, fewer than two dates, or
            lags out of range.
    """
    prediction, realised = vectors(least=2, prediction=prediction, realised=realised)
    if rank:
        prediction, realised = stats.rankdata(np.stack([prediction, realised]), axis=1)
    rho, influence = correlation_influence(prediction, realised)
    sums = influence if dates is None else sums_by_date(influence[:, None], dates)[:, 0]
    error = _error_of_mean(sums, lags) * sums.size / influence.size
    return MeanWithError(rho, error, influence.size)


def rank_correlation(left: npt.ArrayLike, right: npt.ArrayLike) -> float:
    """Spearman's correlation of two forecasts; 0.0 where either is constant, as nothing is ranked.

    Args:
        left: (n,) any unit, n >= 1.
        right: (n,) any unit.

    Returns:
        A correlation in [-1, 1], never nan.

    Raises:
        InvalidConfig: No value, a value that is not finite, or different lengths.
    """
    left, right = vectors(least=1, left=left, right=right)
    if _is_constant(left) or _is_constant(right):
        return 0.0
    return correlation_influence(*stats.rankdata(np.stack([left, right]), axis=1))[0]


def _error_of_mean(x: Vector, lags: int) -> float:
    """Standard error of the mean of (n,) values in time order."""
    e = (x - x.mean())[:, None]
    variance = float(long_run_covariance(e, lags)[0, 0])
    return math.sqrt(max(variance, 0.0) / x.size)


def _is_constant(x: Vector) -> bool:
    """Whether (n,) values are all equal, or so near that their spread is no float64."""
    return bool((x == x[0]).all() or not (x - x.mean()).any())


def _standard(x: Vector) -> Vector:
    """(n,) values less their mean, over their standard deviation."""
    e = x - x.mean()
    e /= np.abs(e).max()  # so that squares of very small or large values are floats
    standard: Vector = e / math.sqrt(np.mean(e * e))
    return standard
