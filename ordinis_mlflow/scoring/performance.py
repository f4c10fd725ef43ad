"""Scores of a series of returns: wealth, growth, spread and drawdown, and ratios of them."""

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring._vectors import Vector, per_root_year, varying_returns, vectors
from ordinis_mlflow.scoring.sharpe import sharpe_moments, sharpe_per_bar, standard_error_of_sharpe

Times: TypeAlias = npt.NDArray[Any] | pd.Index
_LARGEST_LOG = 700.0  # exp(709.8) is the largest float64
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
    return sharpe_per_bar(returns) * per_root_year(bars_per_year)


def sharpe_standard_error(returns: npt.ArrayLike, bars_per_year: float) -> float:
    """Standard error of `sharpe_annual`, for returns that need not be normal.

    `sharpe.standard_error_of_sharpe` of their moments, times sqrt(bars_per_year). It assumes that
    the returns are not autocorrelated.

    Args:
        returns: (n,) simple returns per bar, n >= 2.
        bars_per_year: Positive; see `bars_per_year`.

    Returns:
        The unit of `sharpe_annual`.

    Raises:
        InvalidConfig: As `sharpe_annual`.
    """
    moments = sharpe_moments(returns)
    return standard_error_of_sharpe(moments, moments.n) * per_root_year(bars_per_year)


def sortino_annual(returns: npt.ArrayLike, bars_per_year: float) -> float:
    """Sortino ratio per year: mean / downside deviation · sqrt(bars_per_year).

    The downside deviation is about 0, gains counting as 0: sqrt(Σ min(return, 0)² / n), all n in
    the denominator (Sortino & van der Meer 1991). A portfolio that never traded has 0.0.

    Args:
        returns: (n,) simple returns per bar, n >= 2.
        bars_per_year: Positive; see `bars_per_year`.

    Returns:
        A ratio per square root of a year.

    Raises:
        InvalidConfig: As `sharpe_annual`; also returns without a loss (the ratio is infinite).

    Example:
        >>> round(sortino_annual([0.03, -0.01, 0.01, 0.01], bars_per_year=100), 6)
        20.0
    """
    root = per_root_year(bars_per_year)
    returns = varying_returns("a Sortino ratio", returns)
    if not returns.any():
        return 0.0
    r: Vector = returns / np.abs(returns).max()  # the ratio is the same; small squares underflow
    downside = math.sqrt(float(np.mean(np.minimum(r, 0) ** 2)))
    if downside == 0:
        raise InvalidConfig(
            f"a Sortino ratio needs a loss, but none of {r.size} returns is below 0; "
            "give more bars, or use sharpe_annual"
        )
    return float(r.mean() / downside) * root


def calmar(returns: npt.ArrayLike, bars_per_year: float) -> float:
    """Calmar ratio: `annual_growth` / `max_drawdown_fraction`.

    Over the whole series, where Young (1991) takes its last three years. The longer the series, the
    deeper its drawdown: compare series of equal length only. A portfolio that never traded has 0.0.

    Args:
        returns: (n,) simple returns per bar, n >= 2.
        bars_per_year: Positive; see `bars_per_year`.

    Returns:
        A ratio per year.

    Raises:
        InvalidConfig: As `sharpe_annual` and `annual_growth`; also returns without a drawdown.

    Example:
        >>> round(calmar([0.5, -0.2, 0.1], bars_per_year=3), 6)  # 32 % a year, 20 % down
        1.6
    """
    per_root_year(bars_per_year)
    returns = varying_returns("a Calmar ratio", returns)
    if not returns.any():
        return 0.0
    deepest = max_drawdown_fraction(returns)
    if deepest == 0:
        have = f"{returns.size} returns have none; give more bars, or use sharpe_annual"
        raise InvalidConfig(f"a Calmar ratio needs a drawdown, but {have}")
    return annual_growth(returns, bars_per_year) / deepest


def annual_volatility(returns: npt.ArrayLike, bars_per_year: float) -> float:
    """Standard deviation (over n - 1) of the returns per bar · sqrt(bars_per_year).

    Args:
        returns: (n,) simple returns per bar, n >= 2.
        bars_per_year: Positive; see `bars_per_year`.

    Returns:
        A fraction per square root of a year; 0.0 for a portfolio that never traded.

    Raises:
        InvalidConfig: As `sharpe_annual`.
    """
    returns = varying_returns("a volatility", returns)
    return float(returns.std(ddof=1)) * per_root_year(bars_per_year)


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


def annual_growth(returns: npt.ArrayLike, bars_per_year: float) -> float:
    """Compound growth of wealth per year, as a fraction.

        wealth[n] ^ (bars_per_year / n) - 1

    Args:
        returns: (n,) simple returns per bar, n >= 1.
        bars_per_year: Positive; see `bars_per_year`.

    Returns:
        A fraction per year: 0.1 is 10 % a year, -1.0 is ruin.

    Raises:
        InvalidConfig: As `sharpe_annual`, but for constant returns; also growth beyond float64.

    Example:
        >>> round(annual_growth([0.1, 0.1], bars_per_year=4), 4)
        0.4641
    """
    (returns,) = vectors(least=1, returns=returns)
    years = returns.size / per_root_year(bars_per_year) ** 2
    if returns.min() <= -1:
        return -1.0
    log_growth = float(np.log1p(returns).sum()) / years
    if log_growth > _LARGEST_LOG:
        raise InvalidConfig(
            f"growth per year must be a float64, got exp({log_growth:g}) from {returns.size} "
            f"returns over {years:g} years; give more bars, or check the unit of the returns"
        )
    return math.expm1(log_growth)


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
