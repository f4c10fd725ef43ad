"""Where studies live: beside MLflow's tables, and apart from them.

Optuna and MLflow both keep their schema's revision in a table ``alembic_version``, and neither
lets that be changed: in one namespace, whoever comes second finds a revision that it does not
know, and refuses the database. So

- PostgreSQL: Optuna's tables are in the same database, in a schema of their own, ``optuna``;
- SQLite has no schemas: they are in a file beside, ``mlflow.optuna.db`` beside ``mlflow.db``. That
  also spares MLflow's file, which has one writer at a time, the heartbeats of workers.
"""

import fcntl
import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage

from ordinis_mlflow.errors import InvalidConfig, StudyError
from ordinis_mlflow.tuning.heartbeat import Pulse
from ordinis_mlflow.tuning.quiet import quietly

SCHEMA = "optuna"
WAIT_S = 60
"""How long a writer of SQLite waits for another one."""


def study_url(tracking_url: str) -> sa.URL:
    """The database of studies that belongs to a tracking database.

    Args:
        tracking_url: SQLAlchemy URL, as MLflow has it.

    Raises:
        InvalidConfig: it is not the URL of an SQLite file or a PostgreSQL database.
    """
    try:
        url = sa.make_url(tracking_url)
    except sa.exc.ArgumentError:
        raise InvalidConfig(_refusal(tracking_url.partition(":")[0])) from None
    backend = url.get_backend_name()
    if backend == "postgresql":
        options = " ".join(
            filter(None, (_text(url.query.get("options")), f"-csearch_path={SCHEMA}"))
        )
        return url.update_query_dict({"options": options})
    if backend != "sqlite" or url.database in (None, "", ":memory:"):
        raise InvalidConfig(_refusal(backend))
    path = Path(str(url.database))
    return url.set(database=str(path.with_name(f"{path.stem}.optuna{path.suffix}")))


class Database:
    """The tables of all studies of one tracking database; or, without a URL, of this process.

    Args:
        tracking_url: SQLAlchemy URL; None to keep studies in memory.
        pulse: when a worker counts as dead.

    Raises:
        InvalidConfig: the URL is of no kind that is known.
        StudyError: the database cannot be used.
    """

    def __init__(self, tracking_url: str | None, pulse: Pulse) -> None:
        self._url = None if tracking_url is None else study_url(tracking_url)
        self._lock = threading.Lock()
        self._engine: sa.Engine | None = None
        self.storage: BaseStorage = InMemoryStorage()
        if self._url is not None:
            with self.translated():
                self._open(self._url, pulse)

    def turn(self, name: str) -> AbstractContextManager[None]:
        """Hold a lock that one worker of a study holds at a time; the others wait.

        It belongs to the operating system or to the database's connection: a worker that is killed
        leaves none behind.
        """
        if self._url is None:
            return _held(self._lock)
        if self._engine is None:
            return _file_turn(Path(f"{self._url.database}.lock"))
        return _postgresql_turn(self._engine, name)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise StudyError for what Optuna and SQLAlchemy raise; no message holds a password."""
        try:
            yield
        except (optuna.exceptions.StorageInternalError, sa.exc.SQLAlchemyError, OSError) as error:
            cause = error.__cause__ or error
            said = str(getattr(cause, "orig", None) or cause)
            if self._url is not None and self._url.password:
                said = said.replace(str(self._url.password), "***")
            raise StudyError(f"the database of studies cannot be used: {said}") from error

    def close(self) -> None:
        """Close the connections."""
        if isinstance(self.storage, RDBStorage):
            self.storage.engine.dispose()
        if self._engine is not None:
            self._engine.dispose()

    def _open(self, url: sa.URL, pulse: Pulse) -> None:
        options: dict[str, Any] = {}
        if url.get_backend_name() == "sqlite":
            options = {"creator": partial(_connect, str(url.database))}
        else:
            self._engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with self.turn("tables"), quietly():
            if self._engine is not None:
                with self._engine.connect() as connection:
                    connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            try:
                self.storage = RDBStorage(
                    url.render_as_string(hide_password=False),
                    engine_kwargs=options,
                    heartbeat_interval=pulse.every_s,
                    grace_period=pulse.dead_after_s,
                    heartbeat_stale_trial_callback=pulse.retry(),
                )
            except RuntimeError as error:  # so Optuna says that another version made the tables
                raise StudyError(f"the database of studies cannot be used: {error}") from error


def _connect(path: str) -> sqlite3.Connection:
    """Optuna commits every parameter by itself: a log ahead of the file spares each its fsync.

    Whatever becomes of the process, all that was committed is kept; when the machine loses its
    power, the last trials may be missing and the others are whole.
    """
    connection = sqlite3.connect(path, timeout=WAIT_S, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _refusal(kind: str) -> str:
    return (
        "studies need the URL of a tracking database (sqlite:///FILE or postgresql://...), got one "
        f"that begins with {kind!r}: where MLflow's tracking server is reached over HTTP, set "
        "ORDINIS_CATALOGUE to the database behind it"
    )


def _text(value: str | tuple[str, ...] | None) -> str:
    return " ".join(value) if isinstance(value, tuple) else value or ""


@contextmanager
def _held(lock: threading.Lock) -> Iterator[None]:
    with lock:
        yield


@contextmanager
def _file_turn(path: Path) -> Iterator[None]:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)  # which gives the lock back


@contextmanager
def _postgresql_turn(engine: sa.Engine, name: str) -> Iterator[None]:
    digest = hashlib.sha256(f"ordinis.study\0{name}".encode()).digest()
    key = {"key": int.from_bytes(digest[:8], "big", signed=True)}
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), key)
        try:
            yield
        finally:
            connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), key)
