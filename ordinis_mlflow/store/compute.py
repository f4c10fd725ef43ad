"""Features of bars that may come late or be corrected: each row with the time it became known.

A row of features is known once all bars in its look-back are. A late or corrected bar makes new
revisions of the rows that read it, and of no others.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.bars import COLUMNS
from ordinis_mlflow.errors import TooFewBars
from ordinis_mlflow.features import BarArrays, FeatureSet, History
from ordinis_mlflow.revisions import Revisions, Unordered, by_symbol, in_force

Integers = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
EVER = np.iinfo(np.int64).min
"""Earlier than every time."""
LONG_RUN = 8_192
"""Rows of one symbol computed at once: the arrays in between stay in the processor's cache."""
TOGETHER = 32_768
"""Bars computed at once in runs of one length: fewer calls, and still within the cache."""


class _Bars(NamedTuple):
    """Bars of one symbol, in the order of knowing or, of a view, in that of time.

    They are calm if that is one order: no bar came late or was corrected.
    """

    times: Integers
    known: Integers
    places: Integers  # of their values in the log
    calm: bool = False

    def take(self, rows: Integers | slice, calm: bool = False) -> "_Bars":
        return _Bars(self.times[rows], self.known[rows], self.places[rows], calm)

    def number(self) -> int:
        """How many bars there are, however often each was revised."""
        return len(self.times) if self.calm else len(np.unique(self.times))


class _Run(NamedTuple):
    """Rows of one symbol to be computed: they follow one another in one view."""

    code: int
    times: Integers
    known: Integers
    bars: Integers  # (rows + lookback - 1,), the places of what they read


def feature_rows(
    bars: Revisions, features: FeatureSet, since: int = EVER, leave_out: bool = False
) -> tuple[Unordered, tuple[str, ...]]:
    """Every revision of every row of features that became known at ``since`` or later.

    Args:
        bars: everything known of the bars.
        features: what is computed.
        since: UTC nanoseconds.
        leave_out: leave symbols with too few bars out; else they are refused.

    Returns:
        The rows, and the symbols that were left out.

    Raises:
        TooFewBars: symbols have fewer bars than the look-back; the first of them are named.
    """
    symbols, lookback = _by_symbol(bars), features.lookback
    short = tuple(name for name, each in symbols.items() if each.number() < lookback)
    if short and (not leave_out or len(short) == len(symbols)):
        raise TooFewBars(
            f"{len(short)} of {len(symbols)} symbols have fewer than the {lookback} bars "
            f"that {features.key} looks back: {', '.join(short[:5])}"
            f"{', …' if len(short) > 5 else ''}; supply longer histories or leave them out"
        )
    runs = [
        run
        for code, (name, each) in enumerate(symbols.items())
        if name not in short
        for run in _runs(code, each, lookback, since)
    ]
    return _compute(runs, bars.values, tuple(symbols), features), short


def _by_symbol(bars: Revisions) -> dict[str, _Bars]:
    order = by_symbol(bars.codes)
    ends = np.cumsum(np.bincount(bars.codes, minlength=len(bars.symbols)))
    table = _Bars(bars.times[order], bars.known[order], order)
    late = np.flatnonzero(table.times[1:] <= table.times[:-1]) + 1
    starts = [0, *ends[:-1]]
    disturbed = set(np.searchsorted(ends, np.setdiff1d(late, starts), side="right"))
    return {
        name: table.take(slice(start, end), calm=code not in disturbed)
        for code, (name, start, end) in enumerate(zip(bars.symbols, starts, ends, strict=True))
    }


def _runs(code: int, bars: _Bars, lookback: int, since: int) -> Iterator[_Run]:
    """The new rows of one symbol."""
    for start, view in _stretches(bars, since):
        known = view.known[lookback - 1 :] if view.calm else History().highest(view.known, lookback)
        times = view.times[lookback - 1 :]
        for rows in _neighbours((known >= max(start, since)).nonzero()[0]):
            reads = slice(rows.start, rows.stop + lookback - 1)
            yield _Run(code, times[rows], known[rows], view.places[reads])


def _neighbours(rows: Integers) -> Iterator[slice]:
    """Rows that follow one another, at most so many at once."""
    unbroken = not len(rows) or rows[-1] - rows[0] < len(rows)
    gaps = () if unbroken else np.flatnonzero(np.diff(rows) > 1) + 1
    for start, stop in pairwise((0, *gaps, len(rows))):
        for first in range(start, stop, LONG_RUN):
            last = min(first + LONG_RUN, stop) - 1
            yield slice(int(rows[first]), int(rows[last]) + 1)


def _stretches(bars: _Bars, since: int) -> Iterator[tuple[int, _Bars]]:
    """Stretches of time without a disturbance: when each begins, and the view at its end.

    A disturbance is a moment at which a late or corrected bar becomes known. Between two of them
    bars only follow one another, so that the last view holds every row as it first became known.
    """
    if bars.calm:
        yield EVER, bars
        return
    newest_before = np.maximum.accumulate(bars.times)
    late = bars.times[1:] <= newest_before[:-1]
    moments = [int(moment) for moment in np.unique(bars.known[1:][late])]
    for start, end in zip([EVER, *moments], [*moments, None], strict=True):
        if end is None or end > since:
            seen = len(bars.known) if end is None else int(np.searchsorted(bars.known, end))
            rows = in_force(np.zeros(seen, dtype=np.uint16), bars.times[:seen])
            yield start, bars.take(rows)


def _compute(
    runs: Sequence[_Run], bars: Values, symbols: tuple[str, ...], features: FeatureSet
) -> Unordered:
    """All rows in one table that is made once: histories are large."""
    table = _table(runs, symbols, features)
    ends = np.cumsum([len(run.times) for run in runs])
    alike: dict[int, list[tuple[_Run, slice]]] = defaultdict(list)
    for run, end in zip(runs, ends, strict=True):
        alike[len(run.bars)].append((run, slice(end - len(run.times), end)))
    for length, group in alike.items():
        at_once = max(1, TOGETHER // length)
        for first in range(0, len(group), at_once):
            some = group[first : first + at_once]
            columns = _columns(bars, np.stack([run.bars for run, _ in some], axis=-1))
            values = features.compute(columns, History())
            for (_, rows), each in zip(some, values, strict=True):
                table.values[rows] = each
    return table


def _table(runs: Sequence[_Run], symbols: tuple[str, ...], features: FeatureSet) -> Unordered:
    """The rows of all runs, one run after the other, their values still to be computed."""
    counts = [len(run.times) for run in runs]
    table = Unordered.empty(features.names, symbols, sum(counts))
    if runs:
        table.codes[:] = np.repeat([run.code for run in runs], counts)
        np.concatenate([run.times for run in runs], out=table.times)
        np.concatenate([run.known for run in runs], out=table.known)
    return table


def _columns(bars: Values, places: Integers) -> BarArrays:
    """Bars at (time, runs) places, with the runs side by side in memory.

    So a slice of time is one piece of memory, and bars of one time, which the log holds together,
    are fetched together.
    """
    values = np.take(bars, places, axis=0)
    return BarArrays(*(values[..., column].T.copy(order="K") for column in range(len(COLUMNS))))
