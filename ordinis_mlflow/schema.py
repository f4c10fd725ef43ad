"""Bring a room's own tables to this version's schema, whoever else is doing the same.

A room that keeps tables beside MLflow's has a folder of Alembic revisions and a version table of
its own; its ``env.py`` takes the connection from here.
"""

import threading
from dataclasses import dataclass
from pathlib import Path

import alembic.command
import alembic.config
import alembic.migration
import alembic.script
import sqlalchemy as sa

from ordinis_mlflow.errors import OrdinisError

_ONE_AT_A_TIME = threading.RLock()
"""Alembic hands the running migration around in module variables."""


@dataclass(frozen=True)
class Schema:
    """The tables of one room.

    Attributes:
        name: of the tables in messages: "the catalogue's tables".
        folder: of the room; its revisions are in ``migrations`` below.
        version_table: where Alembic writes the revision.
        error: what is raised where a later version wrote them.
    """

    name: str
    folder: Path
    version_table: str
    error: type[OrdinisError]


def migrate(engine: sa.Engine, schema: Schema) -> None:
    """Bring the tables to the newest revision: all of it in one transaction, or nothing.

    Any number of threads and processes may begin at once: one does it, the others find it done.

    Raises:
        OrdinisError: ``schema.error``: a later version wrote the tables.
    """
    config = alembic.config.Config()
    config.set_main_option("script_location", str(schema.folder / "migrations"))
    config.set_main_option("path_separator", "os")
    scripts = alembic.script.ScriptDirectory.from_config(config)
    head, found = scripts.get_current_head(), _revision(engine, schema)
    if found == head:
        return
    if found not in (None, *(script.revision for script in scripts.walk_revisions())):
        raise schema.error(
            f"{schema.name} have revision {found}, this version knows {head} and earlier "
            "ones; use the version of ordinis_mlflow that wrote them"
        )
    try:
        with _ONE_AT_A_TIME:
            _upgrade(engine, config)
    except sa.exc.DBAPIError:
        if _revision(engine, schema) != head:  # else the other process was faster
            raise


def _upgrade(engine: sa.Engine, config: alembic.config.Config) -> None:
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            # Its driver begins no transaction for CREATE TABLE. All tables or none are made,
            # and another process waits.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "head")


def _revision(engine: sa.Engine, schema: Schema) -> str | None:
    with engine.connect() as connection:
        context = alembic.migration.MigrationContext.configure(
            connection, opts={"version_table": schema.version_table}
        )
        return context.get_current_revision()
