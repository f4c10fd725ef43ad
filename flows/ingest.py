"""Ingest: bars from a source into a data set of the store, checked; suspicious ones set aside."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import mlflow
import numpy as np
import pandas as pd

from flows.command_line import NONE, given, parse, run
from flows.source import BarsOptions
from ordinis_mlflow.bars import Bars, Table
from ordinis_mlflow.errors import InvalidConfig, TooFewBars
from ordinis_mlflow.lineage.snapshot import SnapshotDataset
from ordinis_mlflow.quality import Inspection, QualityRules, Suspicion, inspect
from ordinis_mlflow.quality.inspection import CHECKS
from ordinis_mlflow.revisions import Panel, Revisions, stated
from ordinis_mlflow.store import Arrival, Ingest, Store, ingest, open_store, read, read_manifest
from ordinis_mlflow.tracking import tracked_run

CALENDARS = {"sp500": "XNYS", "nasdaq": "XNYS"}
"""Of the data sets that come along; NASDAQ keeps the sessions of New York."""
CONTEXT = 100
"""Bars before the new ones that the checks are given, to know what is usual."""


@dataclass(frozen=True)
class IngestOptions(BarsOptions):
    """Parameters of the entry point ``ingest``, besides those of `QualityRules`.

    Attributes:
        dataset: name in the store; the source's own by default.
        known_after: from a bar's time until it is known, such as 1D or 16h; for sources without a
            column known_at. By default the spacing of the bars.
        accept: checks whose findings were looked at and are accepted, separated by commas.
    """

    dataset: str = NONE
    known_after: str = NONE
    accept: str = NONE

    def __post_init__(self) -> None:
        super().__post_init__()
        self.delay()
        unknown = self.accepted() - set(CHECKS)
        if unknown:
            raise InvalidConfig(f"accept names {sorted(unknown)}; the checks are {list(CHECKS)}")

    def name(self) -> str:
        """Of the data set."""
        return given(self.dataset) or self.stem()

    def delay(self) -> int | None:
        """``known_after`` in nanoseconds."""
        text = given(self.known_after)
        if text is None:
            return None
        try:
            delay = pd.Timedelta(text)
        except ValueError as error:
            raise InvalidConfig(f"known_after {text!r} is no duration; write 1D or 16h") from error
        if pd.isna(delay) or delay < pd.Timedelta(0):
            raise InvalidConfig(f"known_after must be 0 or more, got {text!r}")
        return int(delay.value)

    def accepted(self) -> set[str]:
        """The checks that set nothing aside."""
        return {each.strip() for each in (given(self.accept) or "").split(",") if each.strip()}

    def rules(self, rules: QualityRules) -> QualityRules:
        """With the calendar of a data set that comes along."""
        known = CALENDARS.get(self.bars, NONE)
        return replace(rules, calendar=known) if not given(rules.calendar) else rules


def main(arguments: Sequence[str]) -> None:
    """The entry point ``ingest``."""
    options, rules = parse(arguments, IngestOptions, QualityRules)
    store = open_store(mlflow.get_tracking_uri())
    table = options.load_table()
    parameters = {**vars(options), **vars(rules)}
    with tracked_run(parameters, {"ordinis.entry_point": "ingest"}):
        done = ingest_table(store, options, rules, table)
        log_ingest(store, done)
    print(f"{done.rows} new rows in data set {done.dataset!r}, bars snapshot {done.snapshot}")
    for verdict in store.catalogue.verdicts(done.snapshot):
        print(f"  {verdict}")
    if done.quarantined:
        print(f"  {done.quarantined} bars set aside: {store.files.url}/{done.quarantine}")


def ingest_table(store: Store, options: IngestOptions, rules: QualityRules, table: Table) -> Ingest:
    """Check the rows, set suspicious ones aside, add the rest to the data set."""
    arrived = stated(table) if table.states_known else table.bars()
    latest = arrived.as_of().bars() if isinstance(arrived, Revisions) else arrived
    found = store.catalogue.dataset(options.name())
    before = read(store.files, found.head) if found else None
    inspection = inspect(with_context(before, latest), options.rules(rules))
    suspicions = [one for one in inspection.suspicions if one.check not in options.accepted()]
    arrival = set_aside(options.bars, arrived, latest, suspicions, inspection)
    return ingest(store, options.name(), arrival, options.delay())


def with_context(before: Panel | None, bars: Bars) -> Bars:
    """The new bars behind the last ones that were known of their symbols."""
    if before is None:
        return bars
    frames = [bars.frame]
    first = {part.symbol: part.nanoseconds()[0] for part in bars.series()}
    for symbol, rows in before.spans():
        if symbol in first:
            end = rows.start + int(np.searchsorted(before.times[rows], first[symbol]))
            start = max(rows.start, end - CONTEXT)
            values = pd.DataFrame(before.values[start:end], columns=list(before.columns))
            times = pd.to_datetime(before.times[start:end], utc=True)
            frames.insert(0, values.assign(symbol=symbol, timestamp=times))
    return Bars.from_frame(pd.concat(frames, ignore_index=True))


def set_aside(
    source: str,
    arrived: Bars | Revisions,
    latest: Bars,
    suspicions: Sequence[Suspicion],
    inspection: Inspection,
) -> Arrival:
    """Split what arrived into bars to use and bars to keep apart, with the reason."""
    reasons = {
        (one.symbol, time): (one.check, one.reason) for one in suspicions for time in one.times
    }
    frame = latest.frame
    keys = list(zip(frame["symbol"], frame["timestamp"].astype("int64"), strict=True))
    apart = np.array([key in reasons for key in keys])
    quarantine = frame[apart].copy()
    for place, column in enumerate(("check", "reason")):
        quarantine[column] = [reasons[key][place] for key in keys if key in reasons]
    if apart.all():
        raise TooFewBars(
            f"every bar of {source} is suspicious: {suspicions[0].reason}; correct the source or "
            f"accept {suspicions[0].check}"
        )
    if not apart.any():
        return Arrival(source, arrived, quarantine, inspection.verdicts)
    if isinstance(arrived, Bars):
        return Arrival(source, Bars.from_frame(frame[~apart]), quarantine, inspection.verdicts)
    names = np.array(arrived.symbols, dtype=object)[arrived.codes]
    keep = np.array([key not in reasons for key in zip(names, arrived.times, strict=True)])
    return Arrival(source, arrived.rows(keep), quarantine, inspection.verdicts)


def log_ingest(store: Store, done: Ingest) -> None:
    """What came in, and what the checks say, to the active run."""
    manifest = read_manifest(store.files, done.snapshot)
    mlflow.log_input(SnapshotDataset(store.files.url, manifest), context="ingest")
    mlflow.set_tags({"ordinis.dataset": done.dataset, "ordinis.snapshot": done.snapshot})
    mlflow.log_metrics({"ingest/new_rows": done.rows, "ingest/quarantined_bars": done.quarantined})
    for verdict in store.catalogue.verdicts(done.snapshot):
        mlflow.log_metric(f"quality/{verdict.name}", verdict.observed)
        mlflow.set_tag(f"ordinis.verdict.{verdict.name}", str(verdict))


if __name__ == "__main__":
    run(main)
