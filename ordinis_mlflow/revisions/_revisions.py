"""`Revisions`: every version of every row, in the order in which they became known."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidRevisions
from ordinis_mlflow.revisions._order import by_symbol_and_time, in_force, renumbered
from ordinis_mlflow.revisions._panel import Panel

Integers = npt.NDArray[np.int64]
LAST = np.iinfo(np.int64).max
"""Later than every time: the view in which everything is known."""


@dataclass(frozen=True, eq=False)
class Unordered:
    """Rows on their way into a log: as `Revisions`, but in any order and unchecked.

    Attributes:
        columns: names of the values.
        symbols: in any order.
        codes: (rows,), int32: position of each row's symbol.
        times: (rows,), int64.
        known: (rows,), int64.
        values: (rows, columns), float64.
    """

    columns: tuple[str, ...]
    symbols: tuple[str, ...]
    codes: npt.NDArray[np.int32]
    times: Integers
    known: Integers
    values: npt.NDArray[np.float64]

    @classmethod
    def empty(cls, columns: tuple[str, ...], symbols: tuple[str, ...], rows: int) -> "Unordered":
        """A table to be filled."""
        return cls(
            columns,
            symbols,
            codes=np.empty(rows, dtype=np.int32),
            times=np.empty(rows, dtype=np.int64),
            known=np.empty(rows, dtype=np.int64),
            values=np.empty((rows, len(columns))),
        )

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.times)

    def order(self) -> Integers:
        """(rows,), int64: positions of the rows in the order of a log."""
        rank = np.argsort(np.argsort(np.array(self.symbols, dtype=object)))
        codes = rank[self.codes] if len(self.symbols) else self.codes
        order = by_symbol_and_time(codes, self.times)
        # There are few known times: counting beats comparing.
        moments = np.unique(self.known)
        when = np.searchsorted(moments, self.known)[order]
        narrow = when.astype(np.uint16) if len(moments) <= 2**16 else when
        return order[np.argsort(narrow, kind="stable")]

    def take(self, rows: Integers) -> "Revisions":
        """Some of the rows, which are in the order of a log, checked.

        Raises:
            InvalidRevisions: a row is known before its time, comes twice, or is not finite.
        """
        used, codes = renumbered(self.codes[rows], len(self.symbols))
        names = [self.symbols[code] for code in used]
        rank = np.argsort(np.argsort(np.array(names, dtype=object))).astype(np.int32)
        result = Revisions(
            self.columns,
            tuple(sorted(names)),
            rank[codes],
            self.times[rows],
            self.known[rows],
            np.take(self.values, rows, axis=0),  # four times as fast as an index in brackets
        )
        result.check()
        return result

    def revisions(self) -> "Revisions":
        """All rows as a log; InvalidRevisions as of :meth:`take`."""
        return self.take(self.order())


@dataclass(frozen=True, eq=False)
class Revisions:
    """A log of rows: what was known of which bar, and since when. Never changed.

    Rows are ordered by (known, symbol, time). A corrected row is a second one of the same symbol
    and time with a later `known`; the first one stays, for the views of its day.

    Attributes:
        columns: names of the values.
        symbols: sorted, each with at least one row.
        codes: (rows,), int32: position of each row's symbol.
        times: (rows,), int64: UTC nanoseconds since 1970 of the bar.
        known: (rows,), int64: when the row became known, not before its time.
        values: (rows, columns), float64, finite.
    """

    columns: tuple[str, ...]
    symbols: tuple[str, ...]
    codes: npt.NDArray[np.int32]
    times: Integers
    known: Integers
    values: npt.NDArray[np.float64]

    def check(self) -> None:
        """Raise InvalidRevisions for the first row that breaks a rule."""
        early = self.known < self.times
        if early.any():
            raise InvalidRevisions(
                f"{self.name(int(np.argmax(early)))} is said to be known at "
                f"{_say(self.known[np.argmax(early)])}, before its own time; correct known_at"
            )
        same = np.diff(self.known) == 0
        for key in (self.codes, self.times):
            same &= np.diff(key) == 0
        if same.any():
            row = int(np.argmax(same)) + 1
            raise InvalidRevisions(
                f"{self.name(row)} has two values known at {_say(self.known[row])}; keep one"
            )
        finite = np.isfinite(self.values)
        if not finite.all():
            row = int(np.argmin(finite.all(axis=1)))
            raise InvalidRevisions(f"{self.name(row)} is not finite")
        if not _is_text("".join(self.symbols)):
            symbol = next(symbol for symbol in self.symbols if not _is_text(symbol))
            raise InvalidRevisions(f"symbol {symbol!r} is not Unicode text; correct its name")

    def is_ordered(self) -> bool:
        """Whether the rows are in the order of a log."""
        known, codes, times = np.diff(self.known), np.diff(self.codes), np.diff(self.times)
        along = (codes > 0) | ((codes == 0) & (times >= 0))
        return bool(((known > 0) | ((known == 0) & along)).all())

    def name(self, row: int) -> str:
        """Symbol and time of a row, for a message."""
        return f"symbol {self.symbols[self.codes[row]]!r}, {_say(self.times[row])}:"

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.times)

    def rows(self, index: "slice | npt.NDArray[np.bool_]") -> "Revisions":
        """Some of the rows, in the same order, with the symbols that they have."""
        used, codes = renumbered(self.codes[index], len(self.symbols))
        return Revisions(
            self.columns,
            tuple(self.symbols[i] for i in used),
            codes,
            self.times[index],
            self.known[index],
            self.values[index],
        )

    def join(self, *others: "Revisions") -> "Revisions":
        """The rows of all, in order; InvalidRevisions where they contradict each other."""
        logs = (self, *others)
        symbols = sorted(set().union(*(log.symbols for log in logs)))
        place = {name: code for code, name in enumerate(symbols)}
        codes = [np.array([place[n] for n in log.symbols], np.int32)[log.codes] for log in logs]
        joined = Revisions(
            self.columns,
            tuple(symbols),
            np.concatenate(codes),
            np.concatenate([log.times for log in logs]),
            np.concatenate([log.known for log in logs]),
            np.concatenate([log.values for log in logs]),
        )
        if not joined.is_ordered():
            return Unordered(**vars(joined)).revisions()
        joined.check()
        return joined

    def as_of(self, moment: int = LAST) -> Panel:
        """What was known at a moment: of each symbol and time the newest revision until then.

        Args:
            moment: UTC nanoseconds since 1970.
        """
        end = int(np.searchsorted(self.known, moment, side="right"))
        index = in_force(self.codes[:end], self.times[:end])
        codes = self.codes[index]
        used, first = np.unique(codes, return_index=True)
        return Panel(
            self.columns,
            tuple(self.symbols[code] for code in used),
            np.append(first, len(codes)),
            self.times[index],
            self.known[index],
            np.take(self.values, index, axis=0),
        )


def _is_text(symbol: str) -> bool:
    """Whether it can be written: half of a surrogate pair cannot."""
    try:
        symbol.encode()
    except UnicodeEncodeError:
        return False
    return True


def _say(nanoseconds: np.integer) -> str:
    return f"{np.datetime64(int(nanoseconds), 'ns')}Z"
