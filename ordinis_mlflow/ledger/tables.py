"""The ledger's tables, beside MLflow's own, and their migration."""

from pathlib import Path

import sqlalchemy as sa

from ordinis_mlflow import schema
from ordinis_mlflow.errors import LedgerError

VERSION_TABLE = "ordinis_ledger_version"
SCHEMA = schema.Schema("the ledger's tables", Path(__file__).parent, VERSION_TABLE, LedgerError)

metadata = sa.MetaData()
DECISIONS = sa.Table(
    "ordinis_decisions",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger),
    sa.Column("who", sa.Text),
    sa.Column("action", sa.Text),
    sa.Column("model", sa.Text),
    sa.Column("workspace", sa.Text),
    sa.Column("version", sa.Text),
    sa.Column("target", sa.Text),
    sa.Column("previous", sa.Text),
    sa.Column("verdicts", sa.Text),
    sa.Column("digests", sa.Text),
    sa.Column("policy", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("previous_hash", sa.String(64)),
    sa.Column("hash", sa.String(64)),
    sa.UniqueConstraint("previous_hash"),
)
HEAD = sa.Table(
    "ordinis_ledger_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer),
    sa.Column("hash", sa.String(64)),
)
OUTBOX = sa.Table(
    "ordinis_outbox",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("reaction", sa.String(128)),
    sa.Column("decision", sa.Integer, sa.ForeignKey("ordinis_decisions.number")),
    sa.Column("key", sa.String(200)),
    sa.Column("attempts", sa.Integer),
    sa.Column("next_at", sa.BigInteger),
    sa.Column("done_at", sa.BigInteger),
    sa.Column("last_error", sa.Text),
    sa.UniqueConstraint("reaction", "decision", name="uq_ordinis_outbox_reaction"),
)


def migrate(engine: sa.Engine) -> None:
    """Bring the tables to this version's schema; another process may be doing the same.

    Raises:
        LedgerError: a later version wrote them.
    """
    schema.migrate(engine, SCHEMA)
