"""The covariance that a sum keeps per term when its terms depend on their neighbours."""

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig

Columns = npt.NDArray[np.float64]


def long_run_covariance(values: Columns, lags: int) -> Columns:
    """Covariance of sqrt(n) times the means of columns in time order, (n, k) -> (k, k).

    With e the values less their means, Γ[j] = Σ e[t] e[t-j]ᵀ / n and Bartlett weights, so that the
    result is never negative:

        Γ[0] + Σ_{j=1..lags} (1 - j / (lags + 1)) (Γ[j] + Γ[j]ᵀ)

    (Newey & West 1987, no small-sample correction.)

    Raises:
        InvalidConfig: lags is not from 0 to n - 1.
    """
    n = len(values)
    if not 0 <= lags < n:
        raise InvalidConfig(
            f"lags must be from 0 to {n - 1} for {n} values, got {lags}; "
            "give the label's horizon in bars minus 1, or more values"
        )
    e = values - values.mean(axis=0)
    total = e.T @ e
    for j in range(1, lags + 1):
        ahead = e[j:].T @ e[: n - j]
        total += (1 - j / (lags + 1)) * (ahead + ahead.T)
    covariance: Columns = total / n
    return covariance
