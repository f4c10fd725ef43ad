"""Ingest: bars into a data set, as revisions with the time at which each became known."""

import hashlib
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

import ordinis_mlflow
from ordinis_mlflow.bars import COLUMNS, Bars
from ordinis_mlflow.errors import InvalidConfig, StoreError, TooFewBars
from ordinis_mlflow.revisions import Revisions, news, revise
from ordinis_mlflow.store.manifest import Manifest, read_manifest
from ordinis_mlflow.store.records import Dataset, Ingest
from ordinis_mlflow.store.snapshots import read_since
from ordinis_mlflow.store.store import Store
from ordinis_mlflow.store.write import extend, write
from ordinis_mlflow.verdict import Verdict

ATTEMPTS = 20
"""How often an ingest begins again because another one of the same data set was faster."""


@dataclass(frozen=True, eq=False)
class Arrival:
    """What came in.

    Attributes:
        source: where from, without secrets.
        bars: those that may be used; or revisions, where the source says when each was known; None
            where every bar was set aside.
        quarantine: those set aside: symbol, timestamp, the values, check and reason.
        verdicts: of the quality checks.
    """

    source: str
    bars: Bars | Revisions | None
    quarantine: pd.DataFrame
    verdicts: Sequence[Verdict] = ()


def ingest(store: Store, dataset: str, arrival: Arrival, known_after: int | None = None) -> Ingest:
    """Add bars to a data set.

    Args:
        store: where to.
        dataset: its name; made if there is none.
        arrival: what came.
        known_after: nanoseconds from a bar's time until it is known, for bars that do not say;
            by default what the data set has, and for a new one the bars' median spacing: a bar
            stamped with its beginning is known at its end.

    Returns:
        What was recorded. Bars that are known already add nothing, and the head stays.

    Raises:
        InvalidConfig: `known_after` is negative or not what the data set has.
        InvalidRevisions: rows contradict what is known.
        TooFewBars: a new data set would have none.
        StoreError: writing failed, or others kept being faster.
    """
    if not dataset.strip() or len(dataset) > 128 or not dataset.isprintable():
        raise InvalidConfig(f"a data set's name has 1 to 128 printable characters, got {dataset!r}")
    for _ in range(ATTEMPTS):
        done = _attempt(store, dataset, arrival, known_after)
        if done is not None:
            return done
    raise StoreError(
        f"other ingests of data set {dataset!r} were faster {ATTEMPTS} times; run it again"
    )


def _attempt(store: Store, name: str, arrival: Arrival, known_after: int | None) -> Ingest | None:
    """None if another ingest was faster."""
    found = store.catalogue.dataset(name)
    if found is None and arrival.bars is None:
        raise TooFewBars(f"every bar of {arrival.source} was set aside; a new data set needs some")
    delay = _delay(found, arrival.bars, known_after)
    parent = read_manifest(store.files, found.head) if found else None
    rows = _new_rows(store, parent, arrival.bars, delay) if arrival.bars else None
    manifest = _write(store, name, parent, rows)
    done = Ingest(
        dataset=name,
        snapshot=manifest.name,
        parent=parent.name if parent else "",
        source=arrival.source,
        rows=len(rows) if rows else 0,
        quarantined=len(arrival.quarantine),
        quarantine=_set_aside(store, arrival.quarantine),
        created_at=time.time_ns(),
    )
    dataset = Dataset(name, manifest.name, delay)
    return done if store.catalogue.advance(dataset, done, manifest, arrival.verdicts) else None


def _delay(found: Dataset | None, bars: Bars | Revisions | None, known_after: int | None) -> int:
    if known_after is not None and known_after < 0:
        raise InvalidConfig(f"known_after is {known_after} ns; a bar is not known before its time")
    if found is None:
        assert bars is not None
        return _usual_delay(bars) if known_after is None else known_after
    if known_after not in (None, found.known_after):
        raise InvalidConfig(
            f"data set {found.name!r} takes its bars as known {pd.Timedelta(found.known_after)} "
            f"after their time, not {pd.Timedelta(known_after)}; leave known_after out, or ingest "
            "under another name"
        )
    return found.known_after


def _usual_delay(bars: Bars | Revisions) -> int:
    if isinstance(bars, Revisions):
        return int(np.median(bars.known - bars.times))
    return int(bars.frequency.value)


def _first_time(bars: Bars | Revisions) -> int:
    if isinstance(bars, Revisions):
        return int(bars.times.min())
    return min(int(series.nanoseconds()[0]) for series in bars.series())


def _new_rows(
    store: Store, parent: Manifest | None, bars: Bars | Revisions, delay: int
) -> Revisions | None:
    """What the bars add to what the data set knows; None if that is nothing."""
    known = read_since(store.files, parent, _first_time(bars)) if parent else None
    if isinstance(bars, Revisions):
        return news(known, bars) if known else bars
    return revise(known, bars, delay, now=time.time_ns())


def _write(store: Store, name: str, parent: Manifest | None, rows: Revisions | None) -> Manifest:
    """The data set with the new rows; the parent itself if there are none."""
    manifest = Manifest(name, COLUMNS, parts=(), written_by=ordinis_mlflow.__version__)
    if parent is None:
        assert rows is not None  # Bars and Revisions have rows
        return write(store.files, manifest, rows)
    return parent if rows is None else extend(store.files, parent, manifest, rows)


def _set_aside(store: Store, bars: pd.DataFrame) -> str:
    """Keep suspicious bars in a file of their own; "" if there are none."""
    if bars.empty:
        return ""
    data = bars.to_parquet(index=False)
    name = f"quarantine/{hashlib.sha256(data).hexdigest()}.parquet"
    store.files.write(name, data)
    return name


def quarantined(store: Store, done: Ingest) -> pd.DataFrame:
    """The bars that an ingest set aside, with check and reason."""
    if not done.quarantine:
        return pd.DataFrame()
    return pd.read_parquet(io.BytesIO(store.files.read(done.quarantine)))
