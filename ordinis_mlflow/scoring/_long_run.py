"""Sums over time whose terms depend on their neighbours: what they keep of variance."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.errors import InvalidConfig

Columns: TypeAlias = npt.NDArray[np.float64]
Dates: TypeAlias = npt.NDArray[Any] | pd.Index | pd.Series


def long_run_covariance(e: Columns, lags: int) -> Columns:
    """Covariance of sqrt(n) times the means of columns in time order, (n, k) -> (k, k).

    With Γ[j] = Σ e[t] e[t-j]ᵀ / n, e less its true or its sample means, and Bartlett weights, so
    that the result is never negative:

        Γ[0] + Σ_{j=1..lags} (1 - j / (lags + 1)) (Γ[j] + Γ[j]ᵀ)

    (Newey & West 1987, no small-sample correction.)

    Raises:
        InvalidConfig: lags is not from 0 to n - 1.
    """
    n = len(e)
    if not 0 <= lags < n:
        raise InvalidConfig(
            f"lags must be from 0 to {n - 1} for {n} values, got {lags}; "
            "give the label's horizon in bars minus 1, or more values"
        )
    total = e.T @ e
    for j in range(1, lags + 1):
        ahead = e[j:].T @ e[: n - j]
        total += (1 - j / (lags + 1)) * (ahead + ahead.T)
    covariance: Columns = total / n
    return covariance


def squared_distance_from_zero(moments: Columns, lags: int) -> float:
    """Wald's n mᵀ Ω⁻¹ m for the means m of (n, k) columns that are 0 in truth.

    Ω is the `long_run_covariance` about 0. A combination of columns without variance about 0 has
    mean 0 as well, so it adds nothing and is left out of the inverse.

    Raises:
        InvalidConfig: lags is out of range.
    """
    variances, directions = np.linalg.eigh(long_run_covariance(moments, lags))
    kept = variances > 1e-12 * variances[-1]  # the rest is rounding
    means = moments.mean(axis=0) @ directions[:, kept]
    return float(len(moments) * np.sum(means**2 / variances[kept]))


def sums_by_date(values: Columns, dates: Dates) -> Columns:
    """(n, k) rows in any order -> (dates, k) their sums, dates ascending.

    Raises:
        InvalidConfig: A date is missing, there is not one for each row, or there are fewer than 2.
    """
    codes, distinct = pd.factorize(pd.Index(dates), sort=True)
    if len(codes) != len(values) or (codes < 0).any():
        raise InvalidConfig(
            f"dates must have one value for each of {len(values)} rows and none missing, got "
            f"{len(codes)} with {int((codes < 0).sum())} missing; drop such rows first"
        )
    if len(distinct) < 2:
        raise InvalidConfig(
            f"an error over time needs two or more dates, got {len(distinct)}; "
            "give rows of more dates"
        )
    sums = [np.bincount(codes, weights=column, minlength=len(distinct)) for column in values.T]
    return np.stack(sums, axis=1)
