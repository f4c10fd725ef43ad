"""Preset: what Evidently's DataDriftPreset decides if it is asked with its defaults.

The rival of this package's own decision, computed without importing Evidently: the same functions
of SciPy, the same choice between them and the same limits, as in Evidently 0.7.23; a test holds
the two equal. Its own Report takes seconds a check, and a replay makes thousands.
"""

import numpy as np
import numpy.typing as npt
from scipy import stats

from ordinis_mlflow.errors import InvalidConfig

Array = npt.NDArray[np.float64]

MOST_ROWS_OF_KS = 1000
"""Rows of the reference above which distances are compared, and p-values up to it."""
LEAST_DISTANCE = 0.1
MOST_P_VALUE = 0.05
LEAST_SPREAD = 0.001
DRIFT_SHARE = 0.5
LEAST_VALUES = 6
"""Columns of fewer distinct values are categories to Evidently, and are tested otherwise."""


def preset_drift(reference: Array, current: Array) -> bool:
    """Whether half of the columns or more drifted.

    Up to 1,000 rows of reference a column drifts if the p-value of Kolmogorov's and Smirnov's
    test is at most 0.05; above that, if Wasserstein's distance over the reference's standard
    deviation is at least 0.1.

    Args:
        reference: shape (rows, columns), finite.
        current: shape (rows, columns), finite, of the same columns.

    Raises:
        InvalidConfig: the columns are not as many, a table is empty, or a column has fewer than
            six distinct values.
    """
    _refuse(reference, current)
    drifted = _by_distance if len(reference) > MOST_ROWS_OF_KS else _by_p_value
    flags = [drifted(*pair) for pair in zip(reference.T, current.T, strict=True)]
    return bool(np.mean(flags) >= DRIFT_SHARE)


def _by_distance(reference: Array, current: Array) -> bool:
    spread = max(float(np.std(reference)), LEAST_SPREAD)
    return bool(stats.wasserstein_distance(reference, current) / spread >= LEAST_DISTANCE)


def _by_p_value(reference: Array, current: Array) -> bool:
    return bool(stats.ks_2samp(reference, current).pvalue <= MOST_P_VALUE)


def _refuse(reference: Array, current: Array) -> None:
    if not len(reference) or not len(current) or reference.shape[1] != current.shape[1]:
        raise InvalidConfig(
            "the preset compares two tables with rows of the same columns, got shapes "
            f"{reference.shape} and {current.shape}"
        )
    for at, column in enumerate(np.concatenate([reference, current]).T):
        if len(np.unique(column)) < LEAST_VALUES:
            raise InvalidConfig(
                f"the preset's test of numbers needs {LEAST_VALUES} distinct values a column, "
                f"column {at} has {len(np.unique(column))}"
            )
