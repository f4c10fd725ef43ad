"""The feature store: bars and features as snapshots that are written once and read as of a moment.

`ingest` brings bars into a data set, `materialize` computes a feature set over them, `read` gives
the rows that were known at a moment.
"""

from ordinis_mlflow.store.catalogue import Catalogue
from ordinis_mlflow.store.files import Files
from ordinis_mlflow.store.ingest import Arrival, ingest, quarantined
from ordinis_mlflow.store.manifest import Manifest, read_bars_manifest, read_manifest
from ordinis_mlflow.store.materialize import materialize
from ordinis_mlflow.store.records import Dataset, Ingest
from ordinis_mlflow.store.snapshots import read
from ordinis_mlflow.store.store import Store, open_store

__all__ = [
    "Arrival",
    "Catalogue",
    "Dataset",
    "Files",
    "Ingest",
    "Manifest",
    "Store",
    "ingest",
    "materialize",
    "open_store",
    "quarantined",
    "read",
    "read_bars_manifest",
    "read_manifest",
]
