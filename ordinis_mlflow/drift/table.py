"""DriftTable: what a model reads and says, one row a time; made in one way for fit and check."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.signal import Signal

Array = npt.NDArray[np.float64]

OUTPUTS = ("output_mean_over_unit", "output_scale_over_unit", "output_probability_up")
"""The model's own outputs. Mean and scale are in units of volatility, as the network gives them: in
log returns they would move with the volatility, which is a feature and has a column already."""
LEAST_SHARE = 0.5
"""Of the symbols of a usual date: a median of fewer is noisier than the others, and is left out."""


@dataclass(frozen=True, eq=False)
class DriftTable:
    """Columns that are stationary while nothing drifts.

    Attributes:
        columns: names of the features, then :data:`OUTPUTS`.
        times: shape (rows,), of the bars, UTC nanoseconds, ascending, each once.
        values: shape (rows, columns), float64, in the columns' own units.
    """

    columns: tuple[str, ...]
    times: npt.NDArray[np.int64]
    values: Array

    def __len__(self) -> int:
        return len(self.times)


def drift_table(
    times: npt.NDArray[np.int64],
    features: Array,
    names: Sequence[str],
    signal: Signal,
    unit: Array,
) -> DriftTable:
    """One row a time: of several symbols, the cross-sectional median of each column.

    A column a symbol would be 500 × 16 columns, and under Bonferroni's correction no change would
    be seen in any of them. What training anew can answer is a market that has moved as a whole, and
    that moves the median; that of one symbol is its row itself.

    Args:
        times: shape (n,), of each row's bar, UTC nanoseconds, in any order.
        features: shape (n, features), raw, of the same rows.
        names: of the features.
        signal: what the model says of those rows.
        unit: shape (n,), volatility over the horizon, log return.

    Raises:
        InvalidConfig: the parts are not of the same rows, or a feature has an output's name.
    """
    outputs = (signal.mean / unit, signal.scale / unit, signal.probability_up)
    columns = (*names, *OUTPUTS)
    if set(names) & set(OUTPUTS) or features.shape != (len(times), len(names)):
        raise InvalidConfig(
            f"a drift table needs {len(names)} features of {len(times)} rows, none of them named "
            f"as one of {OUTPUTS}, got an array of shape {features.shape} of {tuple(names)}"
        )
    frame = pd.DataFrame(np.column_stack([features, *outputs]), columns=list(columns))
    by_time = frame.groupby(np.asarray(times, dtype=np.int64), sort=True)
    symbols = by_time.size().to_numpy()
    kept = symbols >= LEAST_SHARE * np.median(symbols) if len(symbols) else symbols > 0
    medians = by_time.median()
    known = medians.index.to_numpy(np.int64)
    return DriftTable(columns, known[kept], medians.to_numpy(np.float64)[kept])
