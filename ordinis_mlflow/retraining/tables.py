"""The loop's tables, beside MLflow's own, and their migration."""

from pathlib import Path

import sqlalchemy as sa

from ordinis_mlflow import schema
from ordinis_mlflow.errors import RetrainingError

VERSION_TABLE = "ordinis_retraining_version"
SCHEMA = schema.Schema(
    "the retraining tables", Path(__file__).parent, VERSION_TABLE, RetrainingError
)

metadata = sa.MetaData()
LOOPS = sa.Table(
    "ordinis_loops",
    metadata,
    sa.Column("model", sa.String(256), primary_key=True),
    sa.Column("revision", sa.Integer),
    sa.Column("state", sa.Text),
    sa.Column("worker", sa.String(128)),
    sa.Column("lease_until", sa.BigInteger),
)
EVENTS = sa.Table(
    "ordinis_loop_events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(256)),
    sa.Column("revision", sa.Integer),
    sa.Column("at", sa.BigInteger),
    sa.Column("bar", sa.BigInteger),
    sa.Column("phase", sa.String(16)),
    sa.Column("note", sa.Text),
    sa.Column("loud", sa.Boolean),
    sa.UniqueConstraint("model", "revision", name="uq_ordinis_loop_events"),
)
