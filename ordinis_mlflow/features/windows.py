"""Windows: the last ``steps`` rows before each decision, as views of one table."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from ordinis_mlflow.errors import InvalidConfig


def windows(table: npt.NDArray[np.floating], steps: int) -> npt.NDArray[np.floating]:
    """Every window of ``steps`` consecutive rows, without copying.

    Args:
        table: shape (rows, features).
        steps: rows a window.

    Returns:
        Read-only view of shape (rows - steps + 1, steps, features); window ``i`` ends at row
        ``i + steps - 1``.

    Raises:
        InvalidConfig: fewer rows than ``steps``.
    """
    if not 1 <= steps <= len(table):
        raise InvalidConfig(
            f"windows of {steps} rows need 1 <= steps <= rows, got {len(table)} rows"
        )
    return sliding_window_view(table, steps, axis=0).swapaxes(1, 2)


@dataclass(frozen=True)
class Samples:
    """Windows with their labels: what a network is trained and judged on.

    The table holds the scaled features of all symbols one below the other; a sample is the row at
    which its window ends. Windows stay views until a batch is read, so that a year of windows costs
    no more memory than a year of rows.

    Attributes:
        table: shape (rows, features), float32.
        last_rows: shape (samples,), int64: the row at which each window ends.
        labels: shape (samples,), float32.
        steps: rows a window.

    Raises:
        InvalidConfig: a window would begin before the table.
    """

    table: npt.NDArray[np.float32]
    last_rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.float32]
    steps: int

    def __post_init__(self) -> None:
        if len(self.last_rows) and self.last_rows.min() < self.steps - 1:
            raise InvalidConfig(
                f"a window of {self.steps} rows cannot end at row {self.last_rows.min()}: "
                "it would begin before the table"
            )

    def __len__(self) -> int:
        return len(self.last_rows)

    def select(self, index: npt.NDArray[np.int64]) -> "Samples":
        """The samples at ``index``, of the same table."""
        return Samples(self.table, self.last_rows[index], self.labels[index], self.steps)

    def batch(self, index: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """The windows at ``index``: a copy of shape (len(index), steps, features)."""
        first_rows = self.last_rows[index] - (self.steps - 1)
        view: npt.NDArray[np.float32] = windows(self.table, self.steps)[first_rows]
        return view
