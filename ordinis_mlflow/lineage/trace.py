"""Both directions of lineage, each one call."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from mlflow import MlflowClient
from mlflow.entities import Run, ViewType
from mlflow.store.entities import PagedList
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

from ordinis_mlflow.errors import UnknownSnapshot
from ordinis_mlflow.lineage.snapshot import SOURCE_TYPE, SnapshotSource
from ordinis_mlflow.store import Ingest, Manifest, Store, read_manifest

PAGE = 1000
TRAINING = "training"
"""Context of the input that a model was trained on."""

T = TypeVar("T")


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
    run_id = MlflowClient().get_model_version(name, version).run_id
    if not run_id:
        raise UnknownSnapshot(f"{name} version {version} was registered without the run it is of")
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
    runs = {
        run.info.run_id
        for name in names
        for run in _runs_with(name)
        if name in {source.snapshot for source in _sources(run)}
    }
    client = MlflowClient()
    found = (
        ModelVersion(each.name, str(each.version), run_id)
        for run_id in sorted(runs)
        for each in client.search_model_versions(f"run_id = '{run_id}'")
    )
    return tuple(sorted(found, key=lambda each: (each.name, int(each.version))))


def _sources(run: Run) -> Iterator[SnapshotSource]:
    """Of the rows that were trained on: a run that also ingested has those as an input too."""
    for used in run.inputs.dataset_inputs if run.inputs else ():
        context = {tag.key: tag.value for tag in used.tags}.get(MLFLOW_DATASET_CONTEXT)
        if used.dataset.source_type == SOURCE_TYPE and context == TRAINING:
            yield SnapshotSource.from_json(used.dataset.source)  # type: ignore[misc]


def _runs_with(snapshot: str) -> Iterator[Run]:
    """Every run, in every experiment, with the snapshot as an input; deleted ones as well.

    For a model version stays when its run is deleted.
    """
    client, everything = MlflowClient(), ViewType.ALL
    experiments = [
        each.experiment_id
        for each in _pages(
            lambda token: client.search_experiments(everything, PAGE, page_token=token)
        )
    ]
    wanted = f"dataset.digest = '{snapshot}'"
    yield from _pages(
        lambda token: client.search_runs(experiments, wanted, everything, PAGE, page_token=token)
    )


def _pages(search: Callable[[str | None], PagedList[T]]) -> Iterator[T]:
    """Every result of a search that is answered page by page."""
    token = None
    while True:
        page = search(token)
        yield from page
        token = page.token
        if not token:
            return
