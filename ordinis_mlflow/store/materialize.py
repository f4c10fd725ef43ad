"""Materialize: rows of a feature set over the bars of a data set, computed once.

Where a snapshot of earlier bars of the same data set is there, only the rows that became known
since are computed; the result is the same, bit for bit and in name.
"""

from dataclasses import replace

import ordinis_mlflow
from ordinis_mlflow.errors import UnknownSnapshot
from ordinis_mlflow.features import FeatureSet
from ordinis_mlflow.store.compute import feature_rows
from ordinis_mlflow.store.growth import growth
from ordinis_mlflow.store.manifest import Manifest, read_bars_manifest, read_manifest
from ordinis_mlflow.store.snapshots import read_log
from ordinis_mlflow.store.store import Store
from ordinis_mlflow.store.write import extend, write


def materialize(store: Store, bars: str, features: FeatureSet, leave_out: bool = False) -> Manifest:
    """Compute and write a snapshot of features, or find that it is there.

    Args:
        store: where bars are, and features go.
        bars: name of the bars snapshot.
        features: what is computed; its version is registered.
        leave_out: leave symbols with too few bars out; else they are refused.

    Raises:
        InvalidConfig: the snapshot is one of features.
        FeatureSetChanged: this version of the feature set computes something else than before.
        TooFewBars: symbols have too few bars.
        UnknownSnapshot: there are no such bars.
        DamagedSnapshot: a file of them was altered.
        StoreError: writing failed.
    """
    source = read_bars_manifest(store.files, bars)
    fingerprint = store.catalogue.register(features)
    manifest = Manifest(
        dataset=source.dataset,
        columns=features.names,
        parts=(),
        bars=bars,
        features=features.key,
        fingerprint=dict(fingerprint.values),
        written_by=ordinis_mlflow.__version__,
    )
    found = _found(store, manifest, leave_out)
    if found:
        return found
    written = None if leave_out else _extended(store, source, manifest, features)
    if written is None:
        rows, short = feature_rows(read_log(store.files, source), features, leave_out=leave_out)
        written = write(store.files, replace(manifest, left_out=short), rows)
    store.catalogue.record(written, store.files.url)
    return written


def _found(store: Store, wanted: Manifest, leave_out: bool) -> Manifest | None:
    """The same features of the same bars, if they were computed before."""
    for name in store.catalogue.made_from(wanted.bars):
        manifest = _manifest(store, name)
        if manifest and (leave_out or not manifest.left_out) and _serves(store, manifest, wanted):
            return manifest
    return None


def _extended(
    store: Store, source: Manifest, wanted: Manifest, features: FeatureSet
) -> Manifest | None:
    """The newest snapshot of earlier bars, and what became known since; None if that cannot be."""
    for name in store.catalogue.feature_snapshots(wanted.dataset, wanted.features):
        parent = _manifest(store, name)
        if parent and not parent.left_out and _serves(store, parent, wanted):
            old = _manifest(store, parent.bars)
            grown = old and growth(store.files, old, source, features.lookback)
            if not grown:
                return None
            bars, since = grown
            rows, _ = feature_rows(bars, features, since=since)
            return extend(store.files, parent, wanted, rows.revisions())
    return None


def _manifest(store: Store, name: str) -> Manifest | None:
    """None for a snapshot that lies in another store."""
    try:
        return read_manifest(store.files, name)
    except UnknownSnapshot:
        return None


def _serves(store: Store, found: Manifest, wanted: Manifest) -> bool:
    """Whether a snapshot has the same features, and no part of it was removed.

    The same not only within the tolerance of versions: rows of one log have equal arithmetic.
    """
    same = (found.features, found.fingerprint) == (wanted.features, wanted.fingerprint)
    return same and all(store.files.exists(part.file) for part in found.parts)
