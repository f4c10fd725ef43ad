"""Newest: features of the newest bars of a source, as a snapshot that any machine reads again."""

import mlflow
import pandas as pd

from flows.command_line import NONE, given
from flows.ingest import IngestOptions, arrival_of
from flows.watched import NewestOptions
from ordinis_mlflow.bars import Bars, Table
from ordinis_mlflow.errors import InvalidBars
from ordinis_mlflow.features import FeatureSet
from ordinis_mlflow.quality import QualityRules
from ordinis_mlflow.quality.inspection import CHECKS
from ordinis_mlflow.store import Store, ingest, materialize, open_store, read_manifest


def newest_snapshot(source: NewestOptions, features: FeatureSet, reach: int = 0) -> str:
    """Name of the snapshot of features that a retraining is done on.

    Args:
        source: of the bars.
        features: that are read.
        reach: bar that must be among them or before the newest, UTC nanoseconds.

    Raises:
        InvalidBars: the bars break a rule, or end before ``reach``.
        StoreError: of the store.
    """
    bars = source.newest_bars()
    refuse_old(bars, reach)
    store = open_store(mlflow.get_tracking_uri())
    named = given(source.snapshot) or given(source.dataset)
    if named and source.moment() is None:
        head = given(source.snapshot) or store.catalogue.head(named)
        manifest = read_manifest(store.files, head)
        name = manifest.bars or manifest.name
    else:
        name = _taken_in(store, source, bars)
    return str(materialize(store, name, features).name)


def refuse_old(bars: Bars, reach: int) -> None:
    """A model of bars that end before what triggered it would be due again at once.

    Raises:
        InvalidBars: they do.
    """
    newest = max(int(each.nanoseconds()[-1]) for each in bars.series())
    if newest < reach:
        had, wanted = (pd.Timestamp(each, tz="UTC").isoformat() for each in (newest, reach))
        raise InvalidBars(
            f"the bars to train on end at {had}, and what triggered a retraining was seen at "
            f"{wanted}: pass bars (or dataset) that reach so far"
        )


def _taken_in(store: Store, source: NewestOptions, bars: Bars) -> str:
    """The bars as a data set of their own: other ones do not stand in its way."""
    name = f"{source.stem()[:64]}-{bars.digest()[:12]}"
    # What came from the store was looked at when it came into it.
    known = given(source.snapshot) or given(source.dataset)
    asked = IngestOptions(
        source.bars, source.query, dataset=name, accept=",".join(CHECKS) if known else NONE
    )
    done = ingest(store, name, arrival_of(store, asked, QualityRules(), Table(bars.frame)))
    if done.quarantined:
        print(f"warning: {done.quarantined} suspicious bars are set aside: {done.quarantine}")
    return str(done.snapshot)
