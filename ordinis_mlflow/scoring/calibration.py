"""Whether forecasts mean what they say: uniform transforms, and events as often as announced.

`happened` is 1 (or True) where the event came, else 0; `probability` is what was forecast for it.
The losses judge row by row; reliability compares shares, and needs events of both kinds.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring._long_run import Dates, squared_distance_from_zero, sums_by_date
from ordinis_mlflow.scoring._probabilities import events, events_of_both_kinds, probabilities
from ordinis_mlflow.scoring._vectors import Vector


def pit_uniformity(pit: npt.ArrayLike) -> float:
    """Kolmogorov–Smirnov distance between the transforms and the uniform distribution.

    max over the sorted u[1..n] of max(i / n - u[i], u[i] - (i - 1) / n). 0 is perfect; labels that
    overlap make the usual p-value too small, so none is given: `pit_test` has one.

    Args:
        pit: (n,) probabilities, n >= 1.

    Returns:
        A distance in (0, 1].

    Raises:
        InvalidConfig: No value, or one outside [0, 1].
    """
    u = np.sort(probabilities(least=1, pit=pit))
    rank = np.arange(u.size)
    return float(max(np.max((rank + 1) / u.size - u), np.max(u - rank / u.size)))


@dataclass(frozen=True)
class UniformityTest:
    """Whether transforms are uniform.

    Attributes:
        statistic: χ² of four degrees of freedom if they are.
        p_value: Probability of this statistic or a larger one if they are.
    """

    statistic: float
    p_value: float


def pit_test(pit: npt.ArrayLike, lags: int, dates: Dates | None = None) -> UniformityTest:
    """Knüppel's raw-moments test of uniform transforms that may depend on their neighbours.

    With y = sqrt(12) (u - 1/2), the means of (y, y² - 1, y³, y⁴ - 9/5) are 0 if u is uniform. With
    m these means and Ω their long-run covariance, Bartlett weights, of the odd and the even two:

        statistic = n (mₒᵀ Ωₒ⁻¹ mₒ + mₑᵀ Ωₑ⁻¹ mₑ)        p-value from χ²(4)

    (Knüppel 2015, α⁰ of moments 1 to 4.) Odd and even moments count as uncorrelated, which
    symmetric dependence makes them, and Ω is about the means of 0 that are tested, not about m: of
    the four variants this one rejects the truth least too often. In return the statistic cannot
    exceed about 2 n / (lags + 1), so n has to be many times the lags.

    Share of uniform Gaussian-copula AR(1) series of n = 750 that a 5 % test rejects: independent
    5 % (lags 0 and 5), 3 % (20); autocorrelation 0.5: 6 % (9), 5 % (20); 0.8: 12 % (9), 8 % (20).

    Args:
        pit: (n,) probabilities, n >= 8.
        lags: In dates, 0 <= lags < number of dates; the label's horizon in bars minus 1, or more.
        dates: (n,) time of each decision, rows in any order: moments are summed within a date, as
            symbols of one day move together. None: one row a date, in time order.

    Returns:
        Statistic and p-value.

    Raises:
        InvalidConfig: Too few values or dates, one outside [0, 1], or lags out of range.

    Example:
        >>> even = np.linspace(0.05, 0.95, 20)
        >>> round(pit_test(even, lags=0).p_value, 3), round(pit_test(even**4, lags=0).p_value, 3)
        (0.858, 0.0)
    """
    y = math.sqrt(12) * (probabilities(least=8, pit=pit) - 0.5)
    squared = y * y
    moments = np.stack([y, squared * y, squared - 1, squared * squared - 1.8], axis=1)
    if dates is not None:
        moments = sums_by_date(moments, dates)
    odd, even = (squared_distance_from_zero(two, lags) for two in (moments[:, :2], moments[:, 2:]))
    return UniformityTest(odd + even, float(special.chdtrc(4, odd + even)))


def brier_score(probability: npt.ArrayLike, happened: npt.ArrayLike) -> Vector:
    """Squared error of a probability, (probability - happened)²; lower is better.

    A proper score (Brier 1950). A constant 1/2 scores 0.25.

    Args:
        probability: (n,) in [0, 1].
        happened: (n,) 0 or 1; one kind alone will do.

    Returns:
        (n,) in [0, 1].

    Raises:
        InvalidConfig: A probability outside [0, 1], an event that is not 0 or 1, or other lengths.

    Example:
        >>> brier_score([0.9, 0.9], [True, False]).round(2)
        array([0.01, 0.81])
    """
    probability, happened = events(probability, happened)
    score: Vector = (probability - happened) ** 2
    return score


def log_loss_nats(probability: npt.ArrayLike, happened: npt.ArrayLike) -> Vector:
    """Minus the log probability of what happened; lower is better.

    -ln(probability) where it happened, else -ln(1 - probability); a proper score (Good 1952). A
    certainty that was wrong costs infinitely much. It is refused and not clipped: the mean loss
    would be the clipping constant's and not the forecast's.

    Args:
        probability: (n,) in [0, 1].
        happened: (n,) 0 or 1; one kind alone will do.

    Returns:
        (n,) nats, not negative.

    Raises:
        InvalidConfig: As `brier_score`; also a probability of exactly 0 or 1 that was wrong.

    Example:
        >>> log_loss_nats([0.9, 0.9, 1.0], [True, False, True]).round(3)
        array([0.105, 2.303, 0.   ])
    """
    probability, happened = events(probability, happened)
    wrong = np.flatnonzero(probability == 1 - happened)
    if wrong.size:
        raise InvalidConfig(
            f"probability must not be 0 or 1 where that was wrong, but value {int(wrong[0])} is "
            f"{probability[wrong[0]]} ({wrong.size} such values); use brier_score, or be less sure"
        )
    came = happened == 1
    loss = np.empty_like(probability)
    loss[came] = np.log(probability[came])
    loss[~came] = np.log1p(-probability[~came])
    return 0.0 - loss  # and not -loss, which would make a certainty that was right -0.0


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows whose probability was about the same.

    Attributes:
        low: Lowest probability in the bin.
        high: Highest one.
        count: Number of rows.
        mean_probability: What was announced.
        share_happened: What came.
        standard_error: Of share_happened if each probability were true and rows independent,
            sqrt(Σ p (1 - p)) / count; not 0 where every event or none came.
    """

    low: float
    high: float
    count: int
    mean_probability: float
    share_happened: float
    standard_error: float


def reliability(
    probability: npt.ArrayLike, happened: npt.ArrayLike, bins: int = 10
) -> tuple[ReliabilityBin, ...]:
    """The reliability diagram: how often events came, by how probable they were called.

    Bins hold about equally many rows, so that each has about the same error. Equal probabilities
    share a bin, so that the order of rows does not matter: where many are equal, bins are fewer and
    uneven; a constant forecast has one. (Murphy & Winkler 1977, who fix the edges instead.)

    Args:
        probability: (n,) in [0, 1], n >= bins.
        happened: (n,) 0 or 1, both of which occur.
        bins: Positive, at most this many bins.

    Returns:
        The bins, probability ascending.

    Raises:
        InvalidConfig: As `brier_score`; also fewer rows than bins, bins not positive, or events of
            one kind only: a share of all or nothing says not when they come.

    Example:
        >>> for one in reliability([0.2, 0.2, 0.7, 0.8], [0, 1, 1, 1], bins=2):
        ...     print(one.low, one.high, one.count, one.mean_probability, one.share_happened)
        0.2 0.2 2 0.2 0.5
        0.7 0.8 2 0.75 1.0
    """
    if bins < 1:
        raise InvalidConfig(f"bins must be 1 or more, got {bins!r}")
    probability, happened = events_of_both_kinds(probability, happened, least=bins)
    order = np.argsort(probability, kind="stable")
    p = probability[order]
    even = np.arange(bins) * p.size // bins
    starts = np.unique(np.searchsorted(p, p[even]))  # back to the first of equal probabilities
    ends = np.append(starts[1:], p.size)
    count = ends - starts
    mean, share, variance = (
        np.add.reduceat(each, starts) / count for each in (p, happened[order], p * (1 - p))
    )
    error = np.sqrt(variance / count)
    columns = (p[starts], p[ends - 1], count, mean, share, error)
    return tuple(
        ReliabilityBin(*row) for row in zip(*(each.tolist() for each in columns), strict=True)
    )


def expected_calibration_error(
    probability: npt.ArrayLike, happened: npt.ArrayLike, bins: int = 10
) -> float:
    """Mean distance of announced and observed share over the rows of `reliability`.

        Σ count / n · |mean_probability - share_happened|

    (Naeini, Cooper & Hauskrecht 2015.) Chance alone gives a calibrated forecast about
    sqrt(2 / π) times the bins' mean standard error: at n = 750 and probabilities near 1/2, 0.046.

    Args:
        probability: As `reliability`.
        happened: As `reliability`.
        bins: As `reliability`.

    Returns:
        A probability, 0 at best.

    Raises:
        InvalidConfig: As `reliability`.

    Example:
        >>> round(expected_calibration_error([0.2, 0.2, 0.7, 0.8], [0, 1, 1, 1], bins=2), 3)
        0.275
    """
    diagram = reliability(probability, happened, bins)
    apart = [one.count * abs(one.mean_probability - one.share_happened) for one in diagram]
    return sum(apart) / np.size(happened)
