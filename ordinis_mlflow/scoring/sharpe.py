"""A Sharpe ratio per bar, the moments that its error follows from, and that error."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring._vectors import Vector, varying_returns


@dataclass(frozen=True)
class SharpeMoments:
    """What the distribution of a Sharpe ratio's estimate depends on.

    Attributes:
        sharpe: Mean / standard deviation per bar, not per year.
        n: Number of returns, 2 or more.
        skewness: Third standardised moment; 0 for normal returns.
        kurtosis: Fourth standardised moment, not in excess; 3 for normal returns. No distribution
            has less than skewness² + 1.
    """

    sharpe: float
    n: int
    skewness: float = 0.0
    kurtosis: float = 3.0

    def __post_init__(self) -> None:
        moments = (self.sharpe, self.skewness, self.kurtosis)
        if self.n < 2 or not all(math.isfinite(one) for one in moments):
            raise InvalidConfig(f"a Sharpe ratio needs n >= 2 and finite moments, got {self}")
        if self.kurtosis < (self.skewness**2 + 1) * (1 - 1e-9):  # two-valued returns are on it
            raise InvalidConfig(
                f"kurtosis >= skewness² + 1 must hold, got {self}; give it not in excess of 3"
            )


def sharpe_per_bar(returns: npt.ArrayLike) -> float:
    """Mean / standard deviation (over n - 1) of (n,) returns; 0.0 if all are 0.

    Raises:
        InvalidConfig: As `performance.sharpe_annual`.
    """
    returns = varying_returns("a Sharpe ratio", returns)
    if not returns.any():
        return 0.0
    r: Vector = returns / np.abs(returns).max()  # the ratio is the same; small squares underflow
    return float(r.mean() / r.std(ddof=1))


def sharpe_moments(returns: npt.ArrayLike) -> SharpeMoments:
    """The moments of a series of returns; those of a normal one if it never traded.

    Args:
        returns: (n,) simple returns per bar, n >= 2.

    Raises:
        InvalidConfig: As `performance.sharpe_annual`.

    Example:
        >>> one = sharpe_moments([0.0, 0.0, 0.0, 0.02])
        >>> one.sharpe, one.n, round(one.skewness, 4), round(one.kurtosis, 4)
        (0.5, 4, 1.1547, 2.3333)
    """
    sharpe, returns = sharpe_per_bar(returns), np.asarray(returns, dtype=np.float64)
    if not returns.any():
        return SharpeMoments(sharpe, returns.size)
    r: Vector = returns / np.abs(returns).max()
    z = (r - r.mean()) / r.std()
    squared = z * z
    skewness, kurtosis = float(np.mean(squared * z)), float(np.mean(squared * squared))
    return SharpeMoments(sharpe, r.size, skewness, kurtosis)


def standard_error_of_sharpe(moments: SharpeMoments, n: int) -> float:
    """Standard error of a Sharpe ratio per bar, for returns that need not be normal.

        sqrt((1 + SR² / 2 - skewness · SR + (kurtosis - 3) / 4 · SR²) / n)

    Lo (2002) for normal returns, Mertens (2002) for others; returns must not be autocorrelated.

    Args:
        moments: Of the returns.
        n: Number of returns; Bailey & López de Prado (2012) take one less.

    Returns:
        The unit of `moments.sharpe`; 0.0 only for returns of two values that this cannot judge.

    Raises:
        InvalidConfig: n is not positive.
    """
    if n <= 0:
        raise InvalidConfig(f"n must be a positive number of returns, got {n!r}")
    sharpe, excess = moments.sharpe, moments.kurtosis - 3
    variance = 1 + sharpe**2 / 2 - moments.skewness * sharpe + excess / 4 * sharpe**2
    return math.sqrt(max(variance, 0.0) / n)
