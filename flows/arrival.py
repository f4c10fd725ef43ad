"""Arrival: rows of a source, checked beside what is known, and split into use and quarantine."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.bars import COLUMNS, Bars, SymbolBars, Table
from ordinis_mlflow.errors import TooFewBars
from ordinis_mlflow.quality import Inspection, QualityRules, Suspicion, inspect
from ordinis_mlflow.revisions import Panel, Revisions, stated
from ordinis_mlflow.store import Arrival

BEFORE, AFTER = 100, 20
"""Known bars around the new ones that the checks are given, to know what is usual."""


def check(
    source: str, table: Table, known: Panel | None, rules: QualityRules, accepted: Collection[str]
) -> Arrival:
    """Check the rows and set suspicious ones aside.

    Args:
        source: where from, without secrets.
        table: the rows.
        known: the bars that the data set has; None for a new one.
        rules: of the checks.
        accepted: checks that set nothing aside.

    Raises:
        InvalidBars: a row breaks a rule of bars.
        InvalidConfig: the calendar cannot be used.
        TooFewBars: every bar of a new data set is suspicious.
    """
    arrived = stated(table) if table.states_known else table.bars()
    latest = arrived.as_of().bars() if isinstance(arrived, Revisions) else arrived
    bars = latest if known is None else with_context(known, latest)
    inspection = inspect(bars, rules)
    suspicions = [one for one in inspection.suspicions if one.check not in accepted]
    if known is not None:
        suspicions = list(not_let_in(known, bars, suspicions))
    arrival = set_aside(source, arrived, suspicions, inspection)
    if arrival.bars is None and known is None:
        raise TooFewBars(
            f"every bar of {source} is suspicious: {suspicions[0].reason}; correct the source or "
            f"accept {suspicions[0].check}"
        )
    return arrival


def with_context(known: Panel, bars: Bars) -> Bars:
    """The new bars among those that are known around them: a late or corrected one has both sides.

    Those in between and behind come along, for without them there would be gaps.
    """
    frames = [bars.frame]
    spans = dict(known.spans())
    for series in bars.series():
        rows, own = spans.get(series.symbol, slice(0, 0)), series.nanoseconds()
        times = known.times[rows]
        first = max(0, int(np.searchsorted(times, own[0])) - BEFORE)
        around = slice(first, int(np.searchsorted(times, own[-1], side="right")) + AFTER)
        others = ~np.isin(times[around], own)
        if others.any():
            values = pd.DataFrame(known.values[rows][around][others], columns=list(COLUMNS))
            stamps = pd.to_datetime(times[around][others], utc=True)
            frames.append(values.assign(symbol=series.symbol, timestamp=stamps))
    return Bars.from_frame(pd.concat(frames).sort_values(["symbol", "timestamp"]))


def not_let_in(known: Panel, bars: Bars, suspicions: Sequence[Suspicion]) -> Iterator[Suspicion]:
    """Leave out the bars that the data set has as they are: they were let in, or accepted, once.

    Behind a split that was let in, new bars are on the data set's own scale.
    """
    spans, inspected = dict(known.spans()), {each.symbol: each for each in bars.series()}
    for one in suspicions:
        rows = spans.get(one.symbol, slice(0, 0))
        new = ~_held(known.times[rows], known.values[rows], inspected[one.symbol], one.times)
        if new[0] or (one.check != "splits" and new.any()):
            yield replace(one, times=one.times[new])


def _held(
    times: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
    series: SymbolBars,
    asked: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """Which of the bars asked for are among the known ones, with equal values."""
    held = np.isin(asked, times)
    there = asked[held]
    old = values[np.searchsorted(times, there)]
    new = series.values[np.searchsorted(series.nanoseconds(), there)]
    held[held] = (old == new).all(axis=1)
    return held


def set_aside(
    source: str,
    arrived: Bars | Revisions,
    suspicions: Sequence[Suspicion],
    inspection: Inspection,
) -> Arrival:
    """Split what arrived into bars to use and bars to keep apart, with the reason."""
    if not suspicions:
        return Arrival(source, arrived, pd.DataFrame(), inspection.verdicts)
    reasons = {
        (one.symbol, time): (one.check, one.reason) for one in suspicions for time in one.times
    }
    frame = _frame(arrived)
    keys = list(zip(frame["symbol"], frame["timestamp"].astype("int64"), strict=True))
    apart = np.array([key in reasons for key in keys])
    quarantine = frame[apart].copy()
    for place, column in enumerate(("check", "reason")):
        quarantine[column] = [reasons[key][place] for key in keys if key in reasons]
    rest: Bars | Revisions | None = None
    if not apart.all():
        if isinstance(arrived, Revisions):
            rest = arrived.rows(~apart)
        else:
            rest = Bars.from_frame(frame[~apart])
    return Arrival(source, rest, quarantine, inspection.verdicts)


def _frame(arrived: Bars | Revisions) -> pd.DataFrame:
    """Each row; of revisions, which share a bar's fate, with the time at which it was known."""
    if isinstance(arrived, Bars):
        return arrived.frame
    frame = pd.DataFrame(arrived.values, columns=list(COLUMNS))
    frame.insert(0, "symbol", np.array(arrived.symbols, dtype=object)[arrived.codes])
    frame.insert(1, "timestamp", pd.to_datetime(arrived.times, utc=True))
    frame.insert(2, "known_at", pd.to_datetime(arrived.known, utc=True))
    return frame
