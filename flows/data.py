"""Data: the bars and features of a training, from the store, as of one moment."""

import hashlib
from dataclasses import dataclass

from flows.command_line import given
from flows.ingest import CALENDARS, IngestOptions, arrival_of
from flows.options import TrainOptions
from ordinis_mlflow.bars import Bars, Table
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.quality import QualityRules
from ordinis_mlflow.revisions import LAST, Panel, stated
from ordinis_mlflow.store import Manifest, Store, ingest, materialize, read, read_manifest


@dataclass(frozen=True, eq=False)
class Data:
    """What a training reads.

    Attributes:
        store: folder or URL that it was read from.
        features: the snapshot of features.
        as_of: the moment as of which it was read, UTC nanoseconds; None for everything.
        bars: what the features were computed from.
        table: the features.
    """

    store: str
    features: Manifest
    as_of: int | None
    bars: Bars
    table: Panel


def load_data(store: Store, options: TrainOptions) -> Data:
    """Read the snapshot that was named, or make one of the bars that were named.

    Raises:
        InvalidConfig: the snapshot is one of bars, or of other features than those asked for.
    """
    name = given(options.snapshot)
    features = read_manifest(store.files, name) if name else snapshot_of(store, options)
    if not features.bars:
        raise InvalidConfig(f"snapshot {name} holds bars; materialize features of it first")
    if features.features != options.features:
        raise InvalidConfig(
            f"snapshot {name} holds {features.features}, and not {options.features}: "
            f"pass features={features.features}"
        )
    moment = options.moment()
    as_of = LAST if moment is None else moment
    table = read(store.files, features.name, as_of)
    whole = read(store.files, features.bars, as_of).bars()
    bars = Bars(tuple(each for each in whole.parts if each.symbol not in features.left_out))
    return Data(store.files.url, features, moment, bars, table)


def snapshot_of(store: Store, options: TrainOptions) -> Manifest:
    """The features of the bars that the options name, by way of a data set of the store.

    A file may lose rows from one day to the next, and a data set never does. So one that is only
    named here has a data set of its own for each content.
    """
    table = options.load_table()
    name = options.stem()
    if options.bars not in CALENDARS:
        name = f"{name[:64]}-{content(table)[:12]}"
    ingested = IngestOptions(options.bars, options.query, dataset=name)
    done = ingest(store, name, arrival_of(store, ingested, QualityRules(), table))
    if done.quarantined:
        print(f"warning: {done.quarantined} suspicious bars are set aside: {done.quarantine}")
    return materialize(store, done.snapshot, options.feature_set())


def content(table: Table) -> str:
    """Digest of all rows, and of when each was known where the table says so."""
    if not table.states_known:
        return table.bars().digest()
    log = stated(table)
    arrays = (log.codes, log.times, log.known, log.values)
    head = repr((log.symbols, len(log))).encode()
    return hashlib.sha256(b"".join([head, *(array.tobytes() for array in arrays)])).hexdigest()
