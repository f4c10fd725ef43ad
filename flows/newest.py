"""Newest: features of the newest bars of a source, as a snapshot that any machine reads again."""

import mlflow

from flows.command_line import NONE, given
from flows.ingest import IngestOptions, arrival_of
from flows.watched import RecentOptions
from ordinis_mlflow.bars import Table
from ordinis_mlflow.features import FeatureSet
from ordinis_mlflow.quality import QualityRules
from ordinis_mlflow.quality.inspection import CHECKS
from ordinis_mlflow.store import Store, ingest, materialize, open_store, read_manifest


def newest_snapshot(source: RecentOptions, features: FeatureSet) -> str:
    """Name of the snapshot of features that a retraining is done on.

    Raises:
        InvalidBars: the bars break a rule.
        StoreError: of the store.
    """
    store = open_store(mlflow.get_tracking_uri())
    named = given(source.snapshot) or given(source.dataset)
    if named and source.moment() is None:
        head = given(source.snapshot) or store.catalogue.head(named)
        manifest = read_manifest(store.files, head)
        bars = manifest.bars or manifest.name
    else:
        bars = _taken_in(store, source)
    return str(materialize(store, bars, features).name)


def _taken_in(store: Store, source: RecentOptions) -> str:
    """The bars up to ``until`` as a data set of their own: other ones do not stand in its way."""
    bars = source.bars_known().between(end=source.moment())
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
