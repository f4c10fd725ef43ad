"""`Panel`: one row per symbol and time, as it was known at some moment."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.bars import COLUMNS, Bars, SymbolBars


@dataclass(frozen=True, eq=False)
class Panel:
    """Rows of several symbols one below the other, each symbol's oldest first.

    Attributes:
        columns: names of the values.
        symbols: in the order of their rows.
        starts: (symbols + 1,), int64: where each symbol's rows begin, and the number of rows.
        times: (rows,), int64: UTC nanoseconds since 1970 of the bar.
        known: (rows,), int64: when the row became known, UTC nanoseconds.
        values: (rows, columns), float64.
    """

    columns: tuple[str, ...]
    symbols: tuple[str, ...]
    starts: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]
    known: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.times)

    def spans(self) -> Iterator[tuple[str, slice]]:
        """Each symbol with the place of its rows."""
        for symbol, start, end in zip(self.symbols, self.starts, self.starts[1:], strict=False):
            yield symbol, slice(int(start), int(end))

    @property
    def frame(self) -> pd.DataFrame:
        """A new long table: symbol, timestamp and known_at (UTC), and the values."""
        frame = pd.DataFrame(self.values, columns=list(self.columns))
        names = np.repeat(np.array(self.symbols, dtype=object), np.diff(self.starts))
        frame.insert(0, "symbol", names)
        frame.insert(1, "timestamp", pd.to_datetime(self.times, utc=True))
        frame.insert(2, "known_at", pd.to_datetime(self.known, utc=True))
        return frame

    def bars(self) -> Bars:
        """The rows as bars; only for a panel whose columns are those of a bar."""
        assert self.columns == COLUMNS, self.columns
        times = pd.DatetimeIndex(self.times.astype("datetime64[ns]")).tz_localize("UTC")
        return Bars(
            tuple(SymbolBars(name, times[rows], self.values[rows]) for name, rows in self.spans())
        )
