"""The bars of one symbol; whoever holds a `SymbolBars` holds bars that obey every rule."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.bars._rules import COLUMNS, check_values
from ordinis_mlflow.errors import InvalidBars, TooFewBars


@dataclass(frozen=True, eq=False)
class SymbolBars:
    """The bars of one symbol, oldest first; checked and copied when it is made.

    Attributes:
        symbol: The instrument's name.
        timestamps: (n,) UTC, nanoseconds, strictly increasing; n is at least one.
        values: (n, 5) float64, read-only, in the order of `COLUMNS`.
    """

    symbol: str
    timestamps: pd.DatetimeIndex
    values: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        """Copy the arrays and check every rule.

        Raises:
            TooFewBars: There is no bar.
            InvalidBars: A rule is broken; symbol, timestamp and rule are named.
        """
        nanoseconds = _utc_nanoseconds(self.symbol, self.timestamps)
        values = np.array(self.values, dtype=np.float64, order="C")
        if values.shape != (len(nanoseconds), len(COLUMNS)):
            raise InvalidBars(
                f"symbol {self.symbol!r}: {len(nanoseconds)} timestamps do not fit values of "
                f"shape {values.shape}; pass (n, {len(COLUMNS)}) values for n timestamps"
            )
        if not len(values):
            raise TooFewBars(f"symbol {self.symbol!r} has no bars; pass at least one")
        values.setflags(write=False)
        object.__setattr__(self, "timestamps", utc_index(nanoseconds))
        object.__setattr__(self, "values", values)
        self._check_order(nanoseconds)
        refuse_bad_values([self.symbol], np.zeros(len(values), np.intp), self.timestamps, values)

    @classmethod
    def trusted(
        cls, symbol: str, timestamps: pd.DatetimeIndex, values: npt.NDArray[np.float64]
    ) -> "SymbolBars":
        """Bars that are known to obey every rule: rows of what was checked as a whole.

        Args:
            symbol: The instrument's name.
            timestamps: (n,) UTC, nanoseconds, strictly increasing; n is at least one.
            values: (n, 5) float64 in C order, read-only; kept, not copied.
        """
        bars = object.__new__(cls)
        for name, value in (("symbol", symbol), ("timestamps", timestamps), ("values", values)):
            object.__setattr__(bars, name, value)
        return bars

    def __len__(self) -> int:
        """Count the bars."""
        return len(self.values)

    def nanoseconds(self) -> npt.NDArray[np.int64]:
        """Timestamps as (n,) int64 nanoseconds since 1970 in UTC."""
        times: npt.NDArray[np.int64] = self.timestamps.asi8.copy()  # the index is shared
        return times

    def part(self, rows: slice) -> "SymbolBars":
        """The bars at these positions; TooFewBars if there are none."""
        timestamps, values = self.timestamps[rows], np.array(self.values[rows], order="C")
        if not len(values) or (rows.step or 1) < 0:
            return SymbolBars(self.symbol, timestamps, values)
        values.setflags(write=False)
        return SymbolBars.trusted(self.symbol, timestamps, values)

    def _check_order(self, nanoseconds: npt.NDArray[np.int64]) -> None:
        """Refuse the first timestamp that does not come after the one before it."""
        late_enough = np.diff(nanoseconds) > 0
        if late_enough.all():
            return
        row = int(np.argmin(late_enough)) + 1
        before, here = self.timestamps[row - 1], self.timestamps[row]
        where = f"symbol {self.symbol!r}, {here}: "
        if before == here:
            raise InvalidBars(where + "timestamp occurs twice; keep one bar for each timestamp")
        raise InvalidBars(
            where + f"timestamp is earlier than {before} in the row before it; "
            "sort each symbol's rows by time, oldest first"
        )


def utc_index(nanoseconds: npt.NDArray[np.int64]) -> pd.DatetimeIndex:
    """Make a UTC index from int64 nanoseconds since 1970; the array is copied."""
    return pd.DatetimeIndex(nanoseconds.astype("datetime64[ns]")).tz_localize("UTC")


def refuse_bad_values(
    symbols: list[str],
    codes: npt.NDArray[np.intp],
    timestamps: pd.DatetimeIndex,
    values: npt.NDArray[np.float64],
) -> None:
    """Raise for the first row whose values break a rule.

    Args:
        symbols: The symbols' names.
        codes: (n,) position in `symbols` of each row's symbol.
        timestamps: (n,) times of the rows.
        values: (n, 5) in the order of `COLUMNS`.

    Raises:
        InvalidBars: Names symbol, timestamp and rule.
    """
    violation = check_values(values)
    if violation is None:
        return
    row = violation.index[0]
    raise InvalidBars(
        f"symbol {symbols[codes[row]]!r}, {timestamps[row]}: {violation.rule}; "
        "correct the bar or leave it out"
    )


def _utc_nanoseconds(symbol: str, timestamps: pd.DatetimeIndex) -> npt.NDArray[np.int64]:
    """(n,) int64 nanoseconds since 1970; refuses naive and missing timestamps."""
    if not isinstance(timestamps, pd.DatetimeIndex) or timestamps.tz is None:
        raise InvalidBars(f"symbol {symbol!r}: timestamps have no time zone; pass a UTC index")
    if timestamps.hasnans:
        raise InvalidBars(f"symbol {symbol!r}: a timestamp is missing; leave its row out")
    plain: npt.NDArray[Any] = timestamps.tz_convert("UTC").tz_localize(None).to_numpy()
    return plain.astype("datetime64[ns]").astype(np.int64)
