"""Ingest: bars from a source into a data set of the store, checked; suspicious ones set aside."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import mlflow
import pandas as pd

from flows.arrival import check
from flows.command_line import NONE, given, parse, run
from flows.source import BarsOptions
from ordinis_mlflow.bars import Table
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.lineage.snapshot import SnapshotDataset
from ordinis_mlflow.quality import QualityRules
from ordinis_mlflow.quality.inspection import CHECKS
from ordinis_mlflow.store import Arrival, Ingest, Store, ingest, open_store, read, read_manifest
from ordinis_mlflow.tracking import tracked_run
from ordinis_mlflow.verdict import Verdict

CALENDARS = {"sp500": "XNYS", "nasdaq": "XNYS"}
"""Of the data sets that come along; NASDAQ keeps the sessions of New York."""


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
        refusal = InvalidConfig(f"known_after {text!r} is no duration; write 1D or 16h")
        try:
            delay = pd.Timedelta(text)
        except ValueError as error:
            raise refusal from error
        if pd.isna(delay) or text.strip().isdecimal():  # a bare number would be nanoseconds
            raise refusal
        if delay < pd.Timedelta(0):
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
    arrival = arrival_of(store, options, rules, options.load_table())
    parameters = {**vars(options), **vars(rules)}
    with tracked_run(parameters, {"ordinis.entry_point": "ingest"}):
        done = ingest(store, options.name(), arrival, options.delay())
        log_ingest(store, done, arrival.verdicts)
    print(f"{done.rows} new rows in data set {done.dataset!r}, bars snapshot {done.snapshot}")
    for verdict in arrival.verdicts:
        print(f"  {verdict}")
    if done.quarantined:
        print(f"  {done.quarantined} bars set aside: {store.files.url}/{done.quarantine}")


def arrival_of(store: Store, options: IngestOptions, rules: QualityRules, table: Table) -> Arrival:
    """The rows of the source, checked: whatever can be refused is refused here."""
    found = store.catalogue.dataset(options.name())
    known = read(store.files, found.head) if found else None
    return check(options.bars, table, known, options.rules(rules), options.accepted())


def log_ingest(store: Store, done: Ingest, verdicts: Sequence[Verdict]) -> None:
    """What came in, and what the checks say, to the active run."""
    manifest = read_manifest(store.files, done.snapshot)
    mlflow.log_input(SnapshotDataset(store.files.url, manifest), context="ingest")
    mlflow.set_tags({"ordinis.dataset": done.dataset, "ordinis.snapshot": done.snapshot})
    mlflow.log_metrics({"ingest/new_rows": done.rows, "ingest/quarantined_bars": done.quarantined})
    if done.quarantine:
        mlflow.set_tag("ordinis.quarantine", f"{store.files.url}/{done.quarantine}")
    for verdict in verdicts:
        mlflow.log_metric(f"quality/{verdict.name}", verdict.observed)
        mlflow.set_tag(f"ordinis.verdict.{verdict.name}", str(verdict))


if __name__ == "__main__":
    run(main)
