"""From the registry's rows to the places, runs and logged models behind every version."""

import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow.store.model_registry.dbmodels.models import SqlModelVersion
from mlflow.store.tracking.dbmodels.models import SqlLoggedModel, SqlRun
from sqlalchemy import ColumnElement, Engine, select

from ordinis_mlflow.server.places import Place, Places, UnreadablePlace

DELETED = "Deleted_Internal"
"""MLflow's stage of a version that is deleted and whose row stays."""
PROMPT_SOURCES = frozenset({"prompt-template", "dummy-source"})
"""What MLflow writes as the source of a prompt's version: there is no artifact behind it."""
_CHUNK = 500


@dataclass(frozen=True)
class Owned:
    """One place that belongs to a registered version.

    Attributes:
        version: ``model/version``.
        workspace: of the registered model.
        place: the root of these artifacts.
        runs: ids of the runs behind them.
        models: ids of the logged models behind them.
        experiments: ids of the experiments that hold those.
    """

    version: str
    workspace: str
    place: Place
    runs: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()
    experiments: frozenset[str] = frozenset()


def read_owned(registry: Engine, tracking: Engine, places: Places) -> list[Owned]:
    """Every place behind every version that is not deleted."""
    version = SqlModelVersion
    asked: Any = select(
        version.workspace, version.name, version.version, version.source,
        version.storage_location, version.run_id,
    ).where(version.current_stage != DELETED)  # fmt: skip
    with registry.connect() as connection:
        rows = [row for row in connection.execute(asked) if row.source not in PROMPT_SOURCES]
    known = _Known.read(tracking, rows)
    return [owned for row in rows for owned in _places_of(row, known, places)]


def run_and_path(source: str) -> tuple[str, str]:
    """The two halves of ``runs:/<run>/<path>``; empty where it is none."""
    if not source.startswith("runs:/"):
        return "", ""
    run, _, path = source.removeprefix("runs:/").strip("/").partition("/")
    return run, path


def model_of(source: str) -> str:
    """The id in ``models:/m-…``; empty where it is none."""
    name = source.removeprefix("models:/").strip("/")
    return name if source.startswith("models:/m-") and "/" not in name else ""


@dataclass(frozen=True)
class _Known:
    """Rows of the tracking database that the versions speak of."""

    models: dict[str, list[Any]]  # by id, by place, and by what runs:/ would find
    runs: dict[str, Any]

    @classmethod
    def read(cls, tracking: Engine, rows: Sequence[Any]) -> "_Known":
        ids = {model_of(row.source or "") for row in rows} - {""}
        locations = {row.storage_location for row in rows} - {None}
        wanted = {run_and_path(row.source or "")[0] for row in rows} - {""}
        found = {
            row.model_id: row
            for column, values in (
                (SqlLoggedModel.model_id, ids),
                (SqlLoggedModel.artifact_location, locations),
                (SqlLoggedModel.source_run_id, wanted),
            )
            for row in _in(tracking, _MODEL, column, values)
        }
        models: dict[str, list[Any]] = {}
        for row in found.values():
            for key in (row.model_id, row.artifact_location, f"{row.source_run_id}/{row.name}"):
                models.setdefault(key, []).append(row)
        wanted |= {row.run_id for row in rows} - {None, ""}
        runs = {row.run_uuid: row for row in _in(tracking, _RUN, SqlRun.run_uuid, wanted)}
        return cls(models, runs)

    def models_behind(self, row: Any) -> list[Any]:
        """The logged models that a version's source or place names."""
        source = row.source or ""
        run, path = run_and_path(source)
        # runs:/<run>/<name> reads the logged model of that name, if the run has one
        keys = (model_of(source), row.storage_location, f"{run}/{path.split('/')[0]}")
        found = [model for key in keys for model in self.models.get(key or "", ())]
        return list({model.model_id: model for model in found}.values())


_MODEL = (
    SqlLoggedModel.model_id, SqlLoggedModel.name, SqlLoggedModel.source_run_id,
    SqlLoggedModel.artifact_location, SqlLoggedModel.experiment_id,
)  # fmt: skip
_RUN = (SqlRun.run_uuid, SqlRun.artifact_uri, SqlRun.experiment_id)


def _in(
    engine: Engine, columns: Sequence[Any], column: ColumnElement[str] | Any, values: set[str]
) -> Iterator[Any]:
    ordered = sorted(values)
    with engine.connect() as connection:
        for start in range(0, len(ordered), _CHUNK):
            chunk = ordered[start : start + _CHUNK]
            yield from connection.execute(select(*columns).where(column.in_(chunk)))


def _places_of(row: Any, known: _Known, places: Places) -> Iterator[Owned]:
    name, run = f"{row.name}/{row.version}", known.runs.get(row.run_id)
    runs = frozenset({row.run_id} - {None, ""})
    held = frozenset({str(run.experiment_id)} if run else set())
    for place in _named_places(row, known, places):
        yield Owned(name, row.workspace, place, runs, experiments=held)
    for model in known.models_behind(row):
        place = _readable(places, model.artifact_location)
        experiments = held | {str(model.experiment_id)}
        yield Owned(name, row.workspace, place, runs, frozenset({model.model_id}), experiments)


def _named_places(row: Any, known: _Known, places: Places) -> Iterator[Place]:
    """Where a version says that its artifacts are, the names of runs resolved."""
    for uri in dict.fromkeys((row.storage_location, row.source)):
        run, path = run_and_path(uri or "")
        if run in known.runs:
            yield _readable(places, known.runs[run].artifact_uri, path)
        elif uri and urllib.parse.urlsplit(uri).scheme not in ("runs", "models"):
            yield _readable(places, uri)


def _readable(places: Places, uri: str, path: str = "") -> Place:
    try:
        return places.below(uri, path)
    except UnreadablePlace:  # from before this guard: no request can spell it either
        return (uri, path)
