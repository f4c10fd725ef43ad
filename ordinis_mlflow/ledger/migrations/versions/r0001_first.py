"""The first tables: decisions, the head of their chain, and the outbox of reactions.

Triggers hold decisions to what a ledger promises: a row is neither changed nor removed, a new one
follows the head, and the head never goes back. They stop slips and honest tools; somebody who may
drop triggers is found by ``Ledger.verify``.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.BigInteger()
HASH = sa.String(64)
NO_HASH = "0" * 64
"""What the first decision follows."""

APPEND_ONLY = "ordinis_decisions is append-only: a decision is neither changed nor removed"
FOLLOWS = "a new row of ordinis_decisions follows ordinis_ledger_head; use Ledger.append"
FORWARD = "ordinis_ledger_head is one row, moved forward by one decision at a time"

IS_NEXT = """EXISTS (SELECT 1 FROM ordinis_ledger_head
    WHERE id = 1 AND number = NEW.number - 1 AND hash = NEW.previous_hash)"""
IS_STEP = """NEW.id = 1 AND (NEW.number = OLD.number + 1
    OR (NEW.number = OLD.number AND NEW.hash = OLD.hash))"""

SQLITE_TRIGGER = """
CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {refused}
BEGIN SELECT RAISE(ABORT, '{message}'); END"""
SQLITE_TRIGGERS = (
    ("ordinis_decisions_update", "UPDATE", "ordinis_decisions", "1", APPEND_ONLY),
    ("ordinis_decisions_delete", "DELETE", "ordinis_decisions", "1", APPEND_ONLY),
    # Of REPLACE, SQLite tells the INSERT alone: it must not be let through for a number in use.
    ("ordinis_decisions_insert", "INSERT", "ordinis_decisions", f"NOT {IS_NEXT}", FOLLOWS),
    ("ordinis_ledger_head_update", "UPDATE", "ordinis_ledger_head", f"NOT ({IS_STEP})", FORWARD),
    ("ordinis_ledger_head_delete", "DELETE", "ordinis_ledger_head", "1", FORWARD),
    ("ordinis_ledger_head_insert", "INSERT", "ordinis_ledger_head", "1", FORWARD),
)

POSTGRESQL_FUNCTION = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {refused} THEN RAISE EXCEPTION USING MESSAGE = '{message}'; END IF;
    RETURN NEW;
END $$"""
POSTGRESQL_TRIGGER = "CREATE TRIGGER {name} BEFORE {event} EXECUTE FUNCTION {name}()"
POSTGRESQL_TRIGGERS = (
    (
        "ordinis_decisions_change",
        "UPDATE OR DELETE OR TRUNCATE ON ordinis_decisions FOR EACH STATEMENT",
        "true",
        APPEND_ONLY,
    ),
    (
        "ordinis_decisions_insert",
        "INSERT ON ordinis_decisions FOR EACH ROW",
        f"NOT {IS_NEXT}",
        FOLLOWS,
    ),
    (
        "ordinis_ledger_head_update",
        "UPDATE ON ordinis_ledger_head FOR EACH ROW",
        f"NOT ({IS_STEP})",
        FORWARD,
    ),
    (
        "ordinis_ledger_head_change",
        "INSERT OR DELETE OR TRUNCATE ON ordinis_ledger_head FOR EACH STATEMENT",
        "true",
        FORWARD,
    ),
)


def upgrade() -> None:
    """Create the tables, the row of the head, and the triggers."""
    op.create_table(
        "ordinis_decisions",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("at", MOMENT, nullable=False, index=True),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("verdicts", sa.Text(), nullable=False),
        sa.Column("digests", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        # A second decision after the same one would be a fork.
        sa.Column("previous_hash", HASH, nullable=False, unique=True),
        sa.Column("hash", HASH, nullable=False),
    )
    op.create_index(
        "ix_ordinis_decisions_model", "ordinis_decisions", ["workspace", "model", "number"]
    )
    op.create_table(
        "ordinis_ledger_head",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("hash", HASH, nullable=False),
    )
    op.execute(f"INSERT INTO ordinis_ledger_head (id, number, hash) VALUES (1, 0, '{NO_HASH}')")
    op.create_table(
        "ordinis_outbox",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("reaction", sa.String(128), nullable=False),
        sa.Column("decision", sa.Integer(), sa.ForeignKey("ordinis_decisions.number")),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", MOMENT, nullable=False),
        sa.Column("done_at", MOMENT, nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.UniqueConstraint("reaction", "decision", name="uq_ordinis_outbox_reaction"),
    )
    op.create_index("ix_ordinis_outbox_due", "ordinis_outbox", ["done_at", "next_at"])
    _create_triggers()


def _create_triggers() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name, event, table, refused, message in SQLITE_TRIGGERS:
            values = {"name": name, "event": event, "table": table}
            op.execute(SQLITE_TRIGGER.format(**values, refused=refused, message=message))
    else:
        for name, event, refused, message in POSTGRESQL_TRIGGERS:
            op.execute(POSTGRESQL_FUNCTION.format(name=name, refused=refused, message=message))
            op.execute(POSTGRESQL_TRIGGER.format(name=name, event=event))


def downgrade() -> None:
    """Refuse: what was decided is not dropped by a migration."""
    raise NotImplementedError("the ledger's tables are never dropped by a migration")
