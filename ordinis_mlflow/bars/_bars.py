"""`Bars`: a validated table of price bars, the only form in which bars travel in this package."""

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.bars._adjust import adjust
from ordinis_mlflow.bars._columns import code_symbols, find_columns, read_numbers
from ordinis_mlflow.bars._rules import COLUMNS
from ordinis_mlflow.bars._series import SymbolBars, refuse_bad_values
from ordinis_mlflow.bars._times import instant, to_utc
from ordinis_mlflow.errors import InvalidBars, InvalidConfig, TooFewBars

# A bound of `Bars.between`; naive ones are read in UTC, the only zone that bars have.
Bound = str | dt.datetime | None


@dataclass(frozen=True, eq=False)
class Bars:
    """Price bars of one or several symbols that obey every rule; never empty, never changed.

    Two are equal when every cell is. Make one with `from_frame` or a reader of this package.

    Attributes:
        parts: The bars of each symbol, in the order in which the symbols first appeared.
    """

    parts: tuple[SymbolBars, ...]

    def __post_init__(self) -> None:
        """Refuse an empty table and a symbol that comes twice."""
        if not self.parts:
            raise TooFewBars("there are no bars; pass at least one")
        if len(set(self.symbols)) < len(self.parts):
            raise InvalidBars(f"a symbol comes twice in {self.symbols}; join its bars first")

    @classmethod
    def from_frame(
        cls, frame: pd.DataFrame, *, symbol: str | None = None, timezone: str | None = None
    ) -> "Bars":
        """Read a table with one row per symbol and time, under the usual column names.

        Rows of several symbols may be interleaved; each symbol's must be sorted by time. Nothing
        is sorted, filled or dropped. With an adjusted close (Adj Close), all prices are multiplied
        by adjusted close / close and volume is divided by it: returns that a split or a dividend
        would fake must not appear, and the money traded must stay the same.

        Args:
            frame: Columns open, high, low, close, volume; timestamp (or an index of times); symbol
                where there are several; adjusted close if known. Other columns are ignored.
            symbol: The symbol of a table that has no symbol column.
            timezone: IANA name of the zone in which naive timestamps were written.

        Returns:
            The bars, in UTC and float64.

        Raises:
            TooFewBars: The table is empty.
            InvalidBars: A rule is broken; the message names symbol, timestamp and rule.
        """
        if not len(frame):
            raise TooFewBars("the table of bars is empty; pass at least one row")
        found = find_columns(frame)
        codes, symbols = _symbols(found, symbol, len(frame))
        rows = np.array(symbols, dtype=object)[codes].tolist()
        timestamps = to_utc(found["timestamp"], rows, timezone)
        names = COLUMNS if "adjusted" not in found else (*COLUMNS, "adjusted")
        table = np.stack([read_numbers(n, found[n], rows, timestamps) for n in names], axis=1)
        values = table[:, : len(COLUMNS)]
        # Raw values come first: a bad close must not be reported as a bad adjustment.
        refuse_bad_values(symbols, codes, timestamps, values)
        if "adjusted" in found:
            values = adjust(values, table[:, -1], rows, timestamps)
            refuse_bad_values(symbols, codes, timestamps, values)
        return cls(_group(symbols, codes, timestamps, values))

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols in order of first appearance."""
        return tuple(part.symbol for part in self.parts)

    @property
    def frame(self) -> pd.DataFrame:
        """A new long table: symbol, timestamp (UTC, ns) and the five columns in float64."""
        times = self.parts[0].timestamps.append([part.timestamps for part in self.parts[1:]])
        values = np.concatenate([part.values for part in self.parts])
        frame = pd.DataFrame(values, columns=list(COLUMNS))
        counts = [len(part) for part in self.parts]
        frame.insert(0, "symbol", np.repeat(np.array(self.symbols, dtype=object), counts))
        frame.insert(1, "timestamp", times)
        return frame

    def series(self) -> Iterator[SymbolBars]:
        """Give the bars of one symbol after the other."""
        return iter(self.parts)

    @property
    def frequency(self) -> pd.Timedelta:
        """Median spacing of neighbouring bars over all symbols; TooFewBars if there is none."""
        spacings = np.concatenate([np.diff(part.nanoseconds()) for part in self.parts])
        if not len(spacings):
            raise TooFewBars("one bar per symbol has no spacing; pass at least two of a symbol")
        return pd.Timedelta(int(np.median(spacings)), unit="ns")

    def digest(self) -> str:
        """SHA-256 in hex over every symbol, timestamp and value; any changed cell changes it.

        Lengths come before what they count, so that no two tables share their bytes.
        """
        sha = hashlib.sha256(b"ordinis bars 1\n")
        for part in self.parts:
            name = part.symbol.encode("utf-8", "surrogatepass")
            sha.update(np.array([len(name), len(part)], dtype="<i8").tobytes())
            sha.update(name)
            sha.update(part.nanoseconds().astype("<i8").tobytes())
            sha.update(part.values.astype("<f8").tobytes())
        return sha.hexdigest()

    def between(self, start: Bound = None, end: Bound = None) -> "Bars":
        """The bars from `start` to `end`, both included; a symbol with none drops out.

        Args:
            start: First instant, None for the beginning. Without a zone it is UTC; a date alone
                is its midnight.
            end: Last instant, None for the end.

        Raises:
            InvalidConfig: A bound is no time, or start is after end.
            TooFewBars: No symbol has a bar there.
        """
        first = None if start is None else instant(start, "start")
        last = None if end is None else instant(end, "end")
        if first is not None and last is not None and first > last:
            raise InvalidConfig(f"start {first} is after end {last}; exchange them")
        parts = []
        for part in self.parts:
            low = 0 if first is None else part.timestamps.searchsorted(first, side="left")
            high = len(part) if last is None else part.timestamps.searchsorted(last, side="right")
            if low < high:
                parts.append(part.part(slice(int(low), int(high))))
        if not parts:
            raise TooFewBars(f"no bar lies between {first} and {last}; widen the range")
        return Bars(tuple(parts))

    def latest(self, n: int) -> "Bars":
        """The last `n` bars of each symbol, or all of a symbol that has fewer."""
        if n < 1:
            raise InvalidConfig(f"n is {n}; ask for at least one bar")
        return Bars(tuple(p if len(p) <= n else p.part(slice(-n, None)) for p in self.parts))

    def require(self, n: int, why: str) -> None:
        """Raise TooFewBars for the first symbol with fewer than `n` bars; `why` says who asks."""
        for part in self.parts:
            if len(part) < n:
                raise TooFewBars(
                    f"symbol {part.symbol!r} has {len(part)} bars, the last at "
                    f"{part.timestamps[-1]}, but {why} needs {n}; supply a longer history"
                )

    def __len__(self) -> int:
        """Count the rows."""
        return sum(len(part) for part in self.parts)

    def __eq__(self, other: object) -> bool:
        return self.digest() == other.digest() if isinstance(other, Bars) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest())

    def __repr__(self) -> str:
        return f"Bars({len(self)} rows, symbols {', '.join(self.symbols)})"


def _symbols(
    found: dict[str, "pd.Series[Any]"], symbol: str | None, rows: int
) -> tuple[npt.NDArray[np.intp], list[str]]:
    """(n,) position of each row's symbol among the symbols, from the column or the caller."""
    if "symbol" in found and symbol is not None:
        raise InvalidBars(f"the table has a symbol column; leave out symbol={symbol!r}")
    if "symbol" in found:
        return code_symbols(found["symbol"], found["timestamp"])
    if symbol is None or not symbol.strip():
        raise InvalidBars("the table has no symbol column; pass symbol= with a name")
    return np.zeros(rows, dtype=np.intp), [symbol]


def _group(
    symbols: list[str],
    codes: npt.NDArray[np.intp],
    timestamps: pd.DatetimeIndex,
    values: npt.NDArray[np.float64],
) -> tuple[SymbolBars, ...]:
    """Gather each symbol's rows, whose values obey the rules, without changing their order."""
    order = np.argsort(codes, kind="stable")
    codes, timestamps, values = codes[order], timestamps[order], values[order]
    values.setflags(write=False)
    sorted_ = (np.diff(timestamps.asi8) > 0) | (np.diff(codes) > 0)
    # One look at the whole table suffices where it is sorted; where it is not, each symbol's own
    # check says what is wrong.
    make = SymbolBars.trusted if sorted_.all() else SymbolBars
    ends = np.cumsum(np.bincount(codes)).tolist()
    return tuple(
        make(name, timestamps[start:end], values[start:end])
        for name, start, end in zip(symbols, [0, *ends[:-1]], ends, strict=True)
    )
