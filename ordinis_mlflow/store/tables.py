"""The catalogue's tables, beside MLflow's own in the tracking database, and their migration."""

from pathlib import Path

import sqlalchemy as sa

from ordinis_mlflow import schema
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
    folder = Path(__file__).parent
    schema.migrate(
        engine, schema.Schema("the catalogue's tables", folder, VERSION_TABLE, StoreError)
    )
