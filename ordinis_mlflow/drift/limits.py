"""The limit: how far a window of the reference itself lies from the rest of it, and some more.

Distances of windows from the rest are what a window's distance looks like while nothing drifts,
with every dependence that the columns have; p-values of independent rows (Kolmogorov and Smirnov's,
say) are wrong by orders of magnitude on market features, whose volatility comes in clusters.

The log distances of K windows are taken as normal; then a new one lies below the one-sided
prediction limit ``mean + t(1 - alpha / k; K - 1) · sd · sqrt(1 + 1 / K)`` with probability
1 - alpha / k (Hahn and Meeker 1991, Statistical Intervals), and all of k columns do with at least
1 - alpha (Bonferroni). Windows overlap, for a smoother mean and deviation; K counts only as many
as fit beside each other.
"""

import numpy as np
import numpy.typing as npt
from scipy import stats

from ordinis_mlflow.drift.distance import LEAST_SPREAD, blocks

Array = npt.NDArray[np.float64]

LEAST_DISTANCE = 1e-9
"""Of which a logarithm is taken."""


def window_distances(table: Array, window: int, stride: int, embargo: int) -> Array:
    """Normed Wasserstein distance of each window of a table from the rest of it.

    Both samples are among the table's rows, so the area between their distribution functions is
    summed over the table's own sorted values: one sort a column, for all windows.

    Args:
        table: shape (rows, columns), in time order.
        window: rows of a window.
        stride: rows from the begin of one window to that of the next.
        embargo: rows at each side of a window that count to neither: a feature that looks back
            has seen them both.

    Returns:
        Shape (windows, columns).
    """
    rows = len(table)
    starts = np.arange(0, rows - window + 1, stride)[:, None]
    order = np.argsort(table, axis=0, kind="stable")
    gaps = np.diff(np.take_along_axis(table, order, axis=0), axis=0)
    centred = table - table.mean(axis=0)
    distances = np.empty((len(starts), table.shape[1]))
    for part in blocks(len(starts), rows):
        begin, time = starts[part], np.arange(rows)
        inside = (time >= begin) & (time < begin + window)
        rest = (time < begin - embargo) | (time >= begin + window + embargo)
        share = rest / rest.sum(axis=1, keepdims=True)
        spread = np.sqrt(np.maximum(share @ centred**2 - (share @ centred) ** 2, 0.0))
        share -= inside / window
        for column in range(table.shape[1]):
            between = np.cumsum(share[:, order[:-1, column]], axis=1)
            distances[part, column] = np.abs(between, out=between) @ gaps[:, column]
        distances[part] /= np.maximum(spread, LEAST_SPREAD)
    return distances


def prediction_limits(distances: Array, windows: float, alpha: float) -> Array:
    """What the distance of one more window exceeds with probability alpha, in any column.

    Args:
        distances: shape (windows that overlap, columns).
        windows: how many fit beside each other, K.
        alpha: of all columns together.

    Returns:
        Shape (columns,).
    """
    logs = np.log(np.maximum(distances, LEAST_DISTANCE))
    quantile = stats.t.ppf(1.0 - alpha / distances.shape[1], windows - 1.0)
    margin = quantile * np.sqrt(1.0 + 1.0 / windows)
    return np.asarray(np.exp(logs.mean(axis=0) + margin * logs.std(axis=0, ddof=1)))
