"""Which places belong to registered model versions, as the registry's database has it now.

Every question first asks for a stamp: the number of versions and their newest times. The list is
read again whenever the stamp differs, so it is never older than the question; what has been read
is kept, because a question is asked before every upload.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from mlflow.store.model_registry.dbmodels.models import SqlModelVersion
from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlLoggedModel, SqlRun
from sqlalchemy import Engine, func, select

from ordinis_mlflow.server.ownership import Owned, read_owned
from ordinis_mlflow.server.places import Place, Places, folded


@dataclass(frozen=True)
class Index:
    """What belongs to whom: every value is a version as ``model/version``.

    Attributes:
        roots: places of registered artifacts, case folded.
        above: every place above one: deleting it would delete the artifacts.
        runs: ids of runs behind a version.
        models: ids of logged models behind a version.
        experiments: ids of experiments that hold one of those.
        workspaces: names of workspaces with a version.
    """

    roots: dict[Place, str] = field(default_factory=dict)
    above: dict[Place, str] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    experiments: dict[str, str] = field(default_factory=dict)
    workspaces: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, owned: Iterable[Owned]) -> "Index":
        """Look-ups in both directions from a place, and by every id."""
        index = cls()
        for one in owned:
            root = folded(one.place)
            index.roots[root] = one.version
            index.above.update({root[:length]: one.version for length in range(len(root))})
            index.runs.update(dict.fromkeys(one.runs, one.version))
            index.models.update(dict.fromkeys(one.models, one.version))
            index.experiments.update(dict.fromkeys(one.experiments, one.version))
            index.workspaces[one.workspace] = one.version
        return index

    def holding(self, place: Place) -> str | None:
        """The version whose artifacts a place lies among, if any."""
        here = folded(place)
        lengths = range(len(here) + 1)
        return next((self.roots[here[:n]] for n in lengths if here[:n] in self.roots), None)

    def touched_by(self, place: Place) -> str | None:
        """The version that a write or delete of a place could change, if any."""
        return self.holding(place) or self.above.get(folded(place))


class RegisteredPlaces:
    """The registered versions' places; safe to ask from many threads.

    Args:
        registry: gives the engine of the registry's database.
        tracking: gives the engine of the tracking database; often the same one.
        places: how this server reads a URI.
    """

    def __init__(
        self, registry: Callable[[], Engine], tracking: Callable[[], Engine], places: Places
    ) -> None:
        self._registry = registry
        self._tracking = tracking
        self._places = places
        self._lock = threading.Lock()
        self._stamp: tuple[Any, ...] | None = None
        self._index = Index()

    def index(self) -> Index:
        """What belongs to whom, now.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database does not answer: the caller refuses.
        """
        with self._lock:
            stamp = self._current_stamp()
            if stamp != self._stamp:
                owned = read_owned(self._registry(), self._tracking(), self._places)
                self._index, self._stamp = Index.of(owned), stamp
            return self._index

    def artifact_root(self, kind: str, key: str) -> str | None:
        """Where the artifacts of a ``run``, ``model`` or ``experiment`` are kept, if it exists."""
        columns: dict[str, tuple[Any, Any]] = {
            "run": (SqlRun.artifact_uri, SqlRun.run_uuid),
            "model": (SqlLoggedModel.artifact_location, SqlLoggedModel.model_id),
            "experiment": (SqlExperiment.artifact_location, SqlExperiment.experiment_id),
        }
        column, wanted = columns[kind]
        if kind == "experiment" and not key.isdecimal():
            return None  # PostgreSQL compares a number with numbers alone
        value: Any = int(key) if kind == "experiment" else key
        with self._tracking().connect() as connection:
            return connection.execute(select(column).where(wanted == value)).scalar()

    def experiment_of_run(self, run: str) -> str | None:
        """The id of a run's experiment."""
        with self._tracking().connect() as connection:
            asked: Any = select(SqlRun.experiment_id).where(SqlRun.run_uuid == run)
            return connection.execute(asked).scalar()

    def _current_stamp(self) -> tuple[Any, ...]:
        asked: Any = select(
            func.count(),
            func.max(SqlModelVersion.creation_time),
            func.max(SqlModelVersion.last_updated_time),
        ).select_from(SqlModelVersion)
        with self._registry().connect() as connection:
            return tuple(connection.execute(asked).one())
