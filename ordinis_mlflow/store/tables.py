"""The catalogue's tables, beside MLflow's own in the tracking database, and their migration."""

from pathlib import Path

import alembic.command
import alembic.config
import alembic.migration
import alembic.script
import sqlalchemy as sa

from ordinis_mlflow.errors import StoreError

VERSION_TABLE = "ordinis_alembic_version"

metadata = sa.MetaData()
FEATURE_SETS = sa.Table(
    "ordinis_feature_sets",
    metadata,
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("fingerprint", sa.Text),
    sa.Column("written_by", sa.String(64)),
    sa.Column("created_at", sa.BigInteger),
)
SNAPSHOTS = sa.Table(
    "ordinis_snapshots",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("dataset", sa.String(128)),
    sa.Column("bars", sa.String(32)),
    sa.Column("features", sa.String(160)),
    sa.Column("rows", sa.BigInteger),
    sa.Column("store", sa.Text),
    sa.Column("created_at", sa.BigInteger),
)
DATASETS = sa.Table(
    "ordinis_datasets",
    metadata,
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("head", sa.String(32)),
    sa.Column("known_after", sa.BigInteger),
    sa.Column("updated_at", sa.BigInteger),
)
INGESTS = sa.Table(
    "ordinis_ingests",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("dataset", sa.String(128)),
    sa.Column("snapshot", sa.String(32)),
    sa.Column("parent", sa.String(32)),
    sa.Column("source", sa.Text),
    sa.Column("rows", sa.BigInteger),
    sa.Column("quarantined", sa.BigInteger),
    sa.Column("quarantine", sa.Text),
    sa.Column("created_at", sa.BigInteger),
)
VERDICTS = sa.Table(
    "ordinis_verdicts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("ingest", sa.Integer, sa.ForeignKey("ordinis_ingests.id")),
    sa.Column("name", sa.String(128)),
    sa.Column("passed", sa.Boolean),
    sa.Column("observed", sa.Float),
    sa.Column("limit", sa.Float),
    sa.Column("reason", sa.Text),
)


def migrate(engine: sa.Engine) -> None:
    """Bring the tables to this version's schema; another process may be doing the same.

    Raises:
        StoreError: a later version wrote them.
    """
    config = alembic.config.Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    scripts = alembic.script.ScriptDirectory.from_config(config)
    head, found = scripts.get_current_head(), _revision(engine)
    if found == head:
        return
    if found not in (None, *(script.revision for script in scripts.walk_revisions())):
        raise StoreError(
            f"the catalogue's tables have revision {found}, this version knows {head} and earlier "
            "ones; use the version of ordinis_mlflow that wrote them"
        )
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                # Its driver begins no transaction for CREATE TABLE. All tables or none are made,
                # and another process waits.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, "head")
    except sa.exc.DBAPIError:
        if _revision(engine) != head:  # else the other process was faster
            raise


def _revision(engine: sa.Engine) -> str | None:
    with engine.connect() as connection:
        context = alembic.migration.MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE}
        )
        return context.get_current_revision()
