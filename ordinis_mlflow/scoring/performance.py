"""Scores of a series of returns: Sharpe ratio and its error, wealth, drawdown."""

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring._vectors import Vector, vectors

Times: TypeAlias = npt.NDArray[Any] | pd.Index
_YEAR = np.timedelta64(31_557_600, "s")  # 365.25 days


def sharpe_annual(returns: npt.ArrayLike, bars_per_year: float) -> float:
    """Sharpe ratio per year: mean / standard deviation · sqrt(bars_per_year).

    The standard deviation divides by n - 1; the risk-free return is taken as 0 (Sharpe 1994). A
    portfolio that never traded (all returns 0) has 0.0.

    Args:
        returns: (n,) simple returns per bar, n >= 2.
        bars_per_year: Positive; see `bars_per_year`.

    Returns:
        A ratio per square root of a year.

    Raises:
        InvalidConfig: Fewer than two returns, one that is not finite, returns that are all equal
            but not 0 (the ratio is infinite), or bars_per_year not positive.
    """
    return _sharpe_per_bar(returns) * _root(bars_per_year)


def sharpe_standard_error(returns: npt.ArrayLike, bars_per_year: float) -> float:
    """Standard error of `sharpe_annual`, for returns that need not be normal.

    `sharpe_standard_error_from_moments` of the returns, times sqrt(bars_per_year). It assumes that
    the returns are not autocorrelated.

    Args:
        returns: (n,) simple returns per bar, n >= 2.
        bars_per_year: Positive; see `bars_per_year`.

    Returns:
        The unit of `sharpe_annual`.

    Raises:
        InvalidConfig: As `sharpe_annual`.
    """
    (returns,) = vectors(least=2, returns=returns)
    sharpe, skewness, kurtosis = _sharpe_per_bar(returns), 0.0, 3.0
    if sharpe != 0:
        z = (returns - returns.mean()) / returns.std()
        skewness, kurtosis = float(np.mean(z**3)), float(np.mean(z**4))
    per_bar = sharpe_standard_error_from_moments(sharpe, skewness, kurtosis, returns.size)
    return per_bar * _root(bars_per_year)


def sharpe_standard_error_from_moments(
    sharpe: float, skewness: float, kurtosis: float, n: int
) -> float:
    """Standard error of a Sharpe ratio per bar from the moments of n returns.

        sqrt((1 + SR² / 2 - skewness · SR + (kurtosis - 3) / 4 · SR²) / n)

    Lo (2002) for normal returns, Mertens (2002) for others. Bailey & López de Prado (2012) divide
    by n - 1: give n - 1 for their numbers.

    Args:
        sharpe: Mean / standard deviation per bar, not per year.
        skewness: Third standardised moment; 0 for normal returns.
        kurtosis: Fourth standardised moment, not in excess; 3 for normal returns.
        n: Number of returns, positive.

    Returns:
        The unit of `sharpe`.

    Raises:
        InvalidConfig: n is not positive.
    """
    if n <= 0:
        raise InvalidConfig(f"n must be a positive number of returns, got {n!r}")
    variance = 1 + sharpe**2 / 2 - skewness * sharpe + (kurtosis - 3) / 4 * sharpe**2
    return math.sqrt(max(variance, 0.0) / n)


def wealth(returns: npt.ArrayLike) -> Vector:
    """Wealth after each bar, from a start of 1: the cumulative product of 1 + return.

    A return below -1 (a short position in a price that more than doubled) counts as -1: what is
    lost is all, and it does not come back.

    Args:
        returns: (n,) simple returns per bar.

    Returns:
        (n,) multiples of the start, not negative.

    Raises:
        InvalidConfig: A return is not finite.
    """
    (returns,) = vectors(returns=returns)
    return np.cumprod(1 + np.maximum(returns, -1))


def drawdown(wealth: npt.ArrayLike) -> Vector:
    """Fraction by which wealth is below its highest value so far; the start of 1 is one.

        1 - wealth[t] / max(1, wealth[0], …, wealth[t])

    Args:
        wealth: (n,) multiples of the start, not negative.

    Returns:
        (n,) fractions in [0, 1].

    Raises:
        InvalidConfig: A value is negative or not finite.
    """
    (wealth,) = vectors(wealth=wealth)
    bad = np.flatnonzero(wealth < 0)
    if bad.size:
        raise InvalidConfig(
            f"wealth must not be negative, but value {int(bad[0])} is {wealth[bad[0]]}; "
            "pass what wealth() gave, not returns"
        )
    return 1 - wealth / np.maximum(np.maximum.accumulate(wealth), 1)


def max_drawdown_fraction(returns: npt.ArrayLike) -> float:
    """Deepest `drawdown` of the `wealth` that the returns give.

    Args:
        returns: (n,) simple returns per bar.

    Returns:
        A fraction in [0, 1]; 0.0 for no returns.

    Raises:
        InvalidConfig: A return is not finite.
    """
    return float(np.max(drawdown(wealth(returns)), initial=0.0))


def bars_per_year(timestamps: Times) -> float:
    """How many bars a year has, from the bars' own span: (n - 1) / years of 365.25 days.

    Args:
        timestamps: (n,) distinct and ascending times of one series, n >= 2; datetime64 or a
            DatetimeIndex with or without a time zone. Of a panel, its distinct times.

    Returns:
        Bars per year: about 252 for daily bars of stocks, 365.25 for daily bars of crypto.

    Raises:
        InvalidConfig: Fewer than two times, or times that do not ascend.
    """
    times = pd.DatetimeIndex(timestamps)
    if len(times) < 2 or times.hasnans or not (times.is_monotonic_increasing and times.is_unique):
        raise InvalidConfig(
            f"timestamps must be two or more distinct ascending times, got {len(times)}; "
            "sort them, drop duplicates, and pass each time of a panel once"
        )
    return float((len(times) - 1) / ((times[-1] - times[0]).to_timedelta64() / _YEAR))


def _root(bars_per_year: float) -> float:
    """Square root of a checked number of bars per year."""
    if not 0 < bars_per_year < math.inf:
        raise InvalidConfig(
            f"bars_per_year must be positive and finite, got {bars_per_year!r}; "
            "give what bars_per_year() says of the timestamps"
        )
    return math.sqrt(bars_per_year)


def _sharpe_per_bar(returns: npt.ArrayLike) -> float:
    """Mean / standard deviation of (n,) returns; 0.0 if all are 0."""
    (returns,) = vectors(least=2, returns=returns)
    if np.ptp(returns) > 0:
        return float(returns.mean() / returns.std(ddof=1))
    if returns[0] != 0:
        raise InvalidConfig(
            f"a Sharpe ratio needs returns that vary, got {returns.size} times {returns[0]}; "
            "check what was passed as returns"
        )
    return 0.0
