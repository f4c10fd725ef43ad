"""Both directions of lineage, each one call."""

from collections.abc import Iterator
from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.entities import Run

from ordinis_mlflow.errors import UnknownSnapshot
from ordinis_mlflow.lineage.snapshot import SOURCE_TYPE, SnapshotSource
from ordinis_mlflow.store import Ingest, Manifest, Store, read_manifest

PAGE = 1000


@dataclass(frozen=True)
class ModelVersion:
    """A registered model version.

    Attributes:
        name: of the registered model.
        version: its number.
        run_id: of the run that trained or exported it.
    """

    name: str
    version: str
    run_id: str


@dataclass(frozen=True)
class Lineage:
    """What a model version was made from.

    Attributes:
        model: which it is.
        features: the snapshot that it was trained on.
        as_of: the moment as of which that was read, UTC nanoseconds; None for everything.
        bars: the snapshot that the features were computed from.
        ingests: everything that came into those bars, newest first, with its source.
    """

    model: ModelVersion
    features: Manifest
    as_of: int | None
    bars: Manifest
    ingests: tuple[Ingest, ...]


def trace(store: Store, name: str, version: str) -> Lineage:
    """From a model version back to where its bars came from.

    Raises:
        MlflowException: there is no such version.
        UnknownSnapshot: its run names no snapshot, or one that this store does not have.
    """
    run_id = str(MlflowClient().get_model_version(name, version).run_id)
    sources = list(_sources(MlflowClient().get_run(run_id)))
    if not sources:
        raise UnknownSnapshot(
            f"run {run_id}, which made {name} version {version}, has no snapshot among its inputs; "
            "it was not trained from a store"
        )
    features = read_manifest(store.files, sources[0].snapshot)
    bars = read_manifest(store.files, features.bars)
    return Lineage(
        ModelVersion(name, version, run_id),
        features,
        sources[0].as_of,
        bars,
        tuple(store.catalogue.ingests(bars.name)),
    )


def trained_on(store: Store, snapshot: str) -> tuple[ModelVersion, ...]:
    """From a snapshot to every model version trained on it; of bars, on features made from them.

    Raises:
        UnknownSnapshot: the store has none of this name.
    """
    read_manifest(store.files, snapshot)
    names = [snapshot, *store.catalogue.made_from(snapshot)]
    runs = {run.info.run_id for name in names for run in _runs_with(name)}
    client = MlflowClient()
    found = (
        ModelVersion(each.name, str(each.version), run_id)
        for run_id in sorted(runs)
        for each in client.search_model_versions(f"run_id = '{run_id}'")
    )
    return tuple(sorted(found, key=lambda each: (each.name, int(each.version))))


def _sources(run: Run) -> Iterator[SnapshotSource]:
    for used in run.inputs.dataset_inputs if run.inputs else ():
        if used.dataset.source_type == SOURCE_TYPE:
            yield SnapshotSource.from_json(used.dataset.source)  # type: ignore[misc]


def _runs_with(snapshot: str) -> Iterator[Run]:
    """Every run, in every experiment, with the snapshot as an input."""
    client = MlflowClient()
    experiments = [each.experiment_id for each in client.search_experiments()]
    token = None
    while True:
        page = client.search_runs(
            experiments, f"dataset.digest = '{snapshot}'", max_results=PAGE, page_token=token
        )
        yield from page
        token = page.token
        if not token:
            return
