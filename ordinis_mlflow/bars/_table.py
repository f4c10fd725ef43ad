"""`Table`: rows as a source gave them, not yet read as bars."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.bars._bars import Bars
from ordinis_mlflow.bars._columns import find_columns, meaning, read_symbols
from ordinis_mlflow.bars._times import to_utc

Known = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Table:
    """A table of bars as it was read.

    Attributes:
        frame: its cells.
        symbol: of rows without a symbol column.
        timezone: IANA name of the zone in which naive timestamps were written.
    """

    frame: pd.DataFrame
    symbol: str | None = None
    timezone: str | None = None

    @property
    def states_known(self) -> bool:
        """Whether a column says when each row became known."""
        return "known" in {meaning(label) for label in self.frame.columns}

    def bars(self) -> Bars:
        """The rows as bars, one per symbol and time; InvalidBars as of `Bars.from_frame`."""
        return Bars.from_frame(self.frame, symbol=self.symbol, timezone=self.timezone)

    def revisions(self) -> tuple[tuple[Bars, Known], ...]:
        """The rows with their known times: first every bar's first revision, then the second, ...

        Returns:
            Bars, and (rows of them,) UTC nanoseconds at which each became known.

        Raises:
            InvalidBars: a rule is broken, or a known time is missing or unreadable.
        """
        found = find_columns(self.frame)
        rows = len(self.frame)
        symbols = (
            read_symbols(found["symbol"], found["timestamp"])
            if "symbol" in found
            else [self.symbol or ""] * rows
        )
        keys = pd.DataFrame({"symbol": symbols})
        for name in ("timestamp", "known"):
            keys[name] = to_utc(found[name], symbols, self.timezone)
        keys = keys.sort_values(["symbol", "timestamp", "known"], kind="stable")
        rank = keys.groupby(["symbol", "timestamp"], sort=False).cumcount()
        return tuple(
            (
                self._part(each.index),
                pd.DatetimeIndex(each["known"]).as_unit("ns").asi8,
            )
            for _, each in keys.groupby(rank)
        )

    def _part(self, rows: "pd.Index[int]") -> Bars:
        part = self.frame.iloc[rows]
        return Bars.from_frame(part, symbol=self.symbol, timezone=self.timezone)
