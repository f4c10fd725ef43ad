"""When newly arrived bars became known, beside what is known of them already."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.bars import COLUMNS, Bars, SymbolBars, Table
from ordinis_mlflow.revisions._panel import Panel
from ordinis_mlflow.revisions._revisions import Revisions, Unordered


def revise(known: Revisions | None, bars: Bars, delay: int, now: int) -> Revisions | None:
    """The revisions that these bars add to what is known.

    A bar that says what is known already adds nothing. One that continues its symbol's history is
    known ``delay`` after its time. One that comes late (a newer bar of its symbol is there) or that
    corrects an earlier value is known only now, whatever its time: earlier views never saw it. A
    correction is known after what it corrects, even where that was not to be known yet.

    Args:
        known: everything known so far; None for a new data set.
        bars: what arrived; no known times of their own.
        delay: nanoseconds from a bar's time to the end of its making.
        now: UTC nanoseconds of the arrival.

    Returns:
        The new rows; None if there are none.
    """
    panel = known.as_of() if known else None
    spans = dict(panel.spans()) if panel else {}
    parts = []
    for code, series in enumerate(bars.series()):
        times = series.nanoseconds()
        when = times + delay
        new = np.ones(len(times), dtype=bool)
        if panel and series.symbol in spans:
            rows = spans[series.symbol]
            new, since = _compare(panel, rows, series, now)
            when = np.maximum(when, since)
        parts.append((np.full(new.sum(), code), times[new], when[new], series.values[new]))
    codes, all_times, all_known, values = (np.concatenate(c) for c in zip(*parts, strict=True))
    if not len(codes):
        return None
    codes = codes.astype(np.int32)
    return Unordered(COLUMNS, bars.symbols, codes, all_times, all_known, values).revisions()


def stated(table: Table) -> Revisions:
    """The revisions of a source that says when each row became known.

    Raises:
        InvalidBars: a row breaks a rule of bars.
        InvalidRevisions: a row is known before its time, or twice at one moment.
    """
    logs = []
    for bars, known in table.revisions():
        codes = np.repeat(np.arange(len(bars.symbols)), [len(part) for part in bars.parts])
        times = np.concatenate([part.nanoseconds() for part in bars.parts])
        values = np.concatenate([part.values for part in bars.parts])
        log = Unordered(COLUMNS, bars.symbols, codes.astype(np.int32), times, known, values)
        logs.append(log.revisions())
    return logs[0].join(*logs[1:])


def news(known: Revisions, arrived: Revisions) -> Revisions | None:
    """The arrived revisions that are not known already; None if there are none.

    One that says another value for the same symbol, time and known time is kept, and refused when
    it is joined to what is known.
    """
    here, there = (pd.MultiIndex.from_arrays(_keys(log)) for log in (known, arrived))
    place = here.get_indexer(there)
    same = (place >= 0) & (known.values[place] == arrived.values).all(axis=1)
    return None if same.all() else arrived.rows(~same)


def _keys(log: Revisions) -> list[npt.NDArray[np.generic]]:
    return [np.array(log.symbols, dtype=object)[log.codes], log.times, log.known]


def _compare(
    panel: Panel, rows: slice, series: SymbolBars, now: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Which bars of a symbol say something new, and the moment before which none of it is known."""
    old, times = panel.times[rows], series.nanoseconds()
    place = np.minimum(np.searchsorted(old, times), len(old) - 1)
    there = old[place] == times
    same = there & (panel.values[rows][place] == series.values).all(axis=1)
    since = np.where(times <= old[-1], now, times)
    # A bar may have been taken before its end, and clocks may go back.
    since[there] = np.maximum(since, panel.known[rows][place] + 1)[there]
    return ~same, since
