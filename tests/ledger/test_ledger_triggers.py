"""What raw SQL may not do to the ledger, in both kinds of database."""

import pytest
import sqlalchemy as sa
from ledger_entries import DIGEST, drop_triggers, entry, write

from ordinis_mlflow.ledger import proof
from ordinis_mlflow.ledger.tables import DECISIONS, HEAD

COLUMNS = [column.name for column in DECISIONS.columns]
COUNT = 6
ENTRIES = [
    entry(version=str(n), previous=str(n - 1), workspace="desk", reason="größer", at=10**18 + n)
    for n in range(COUNT)
]

HEAD_ROW = "ordinis_ledger_head (id, number, hash)"
CHANGES = [
    ("UPDATE ordinis_decisions SET reason = 'better'", "append-only"),
    ("UPDATE ordinis_decisions SET number = number + 10", "append-only"),
    ("DELETE FROM ordinis_decisions WHERE number = 3", "append-only"),
    ("DELETE FROM ordinis_decisions", "append-only"),
    ("UPDATE ordinis_ledger_head SET number = 2", "moved forward"),
    ("UPDATE ordinis_ledger_head SET number = 9", "moved forward"),
    (f"UPDATE ordinis_ledger_head SET hash = '{DIGEST}'", "moved forward"),
    ("UPDATE ordinis_ledger_head SET id = 2", "moved forward"),
    ("DELETE FROM ordinis_ledger_head", "moved forward"),
    (f"INSERT INTO {HEAD_ROW} VALUES (2, 0, 'x')", "moved forward"),
]
COPY = """INTO ordinis_decisions SELECT {number}, at, who, action, model, workspace, version,
    target, previous, verdicts, digests, policy, 'forged', {after}, hash FROM ordinis_decisions
    WHERE number = 3"""
INSERTS = [
    ("INSERT " + COPY.format(number=3, after="previous_hash"), "follows"),
    ("INSERT " + COPY.format(number=4, after=f"'{DIGEST}'"), "follows"),
    ("INSERT " + COPY.format(number=9, after="hash"), "follows"),
]
OF_SQLITE = [
    ("INSERT OR REPLACE " + COPY.format(number=3, after="previous_hash"), "follows"),
    ("INSERT OR REPLACE " + COPY.format(number=9, after="previous_hash"), "follows"),
    ("UPDATE OR REPLACE ordinis_decisions SET number = 2 WHERE number = 3", "append-only"),
    (f"INSERT OR REPLACE INTO {HEAD_ROW} VALUES (1, 0, 'x')", "moved forward"),
]
OF_POSTGRESQL = [
    ("TRUNCATE ordinis_decisions CASCADE", "append-only"),
    ("TRUNCATE ordinis_ledger_head", "moved forward"),
    (
        "INSERT INTO ordinis_decisions SELECT * FROM ordinis_decisions "
        "ON CONFLICT (number) DO UPDATE SET reason = 'forged'",
        "follows|append-only",
    ),
]


def test_triggers_refuse_every_change(ledger, engine):
    written = write(ledger, engine, *ENTRIES[:3])
    own = OF_SQLITE if engine.dialect.name == "sqlite" else OF_POSTGRESQL
    for statement, said in [*CHANGES, *INSERTS, *own]:
        with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError, match=said):
            connection.exec_driver_sql(statement)
        assert ledger.decisions(workspace=None)[::-1] == written, statement
    assert ledger.verify() == []


def test_a_migration_never_drops_the_ledger():
    from ordinis_mlflow.ledger.migrations.versions import r0001_first

    with pytest.raises(NotImplementedError, match="never dropped"):
        r0001_first.downgrade()


def without_triggers(connection):
    if connection.dialect.name == "sqlite":
        drop_triggers(connection.connection)
    else:
        for table in ("ordinis_decisions", "ordinis_ledger_head"):
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")


def test_both_databases_tell_what_was_changed(ledger, engine):
    write(ledger, engine, *ENTRIES)
    of, two = DECISIONS.c, DECISIONS.c.number == 2
    changes = [
        sa.update(DECISIONS).where(two).values({name: other})
        for name, other in {
            **dict.fromkeys(COLUMNS[2:], "forged"),
            "at": 7,
            "number": 99,
            "model": "vol ",
            "action": "rollback",
            "policy": "cd" * 32,
            "verdicts": "[]",
            "digests": "{}",
            "hash": DIGEST,
        }.items()
    ]
    changes += [
        sa.delete(DECISIONS).where(two),
        sa.delete(DECISIONS).where(of.number == COUNT),
        sa.update(HEAD).values(number=COUNT - 1),
        sa.update(HEAD).values(hash=DIGEST),
        sa.delete(HEAD),
    ]
    for change in changes:
        with engine.connect() as connection, connection.begin() as transaction:
            without_triggers(connection)
            connection.execute(change)
            assert found_inside(connection), change
            transaction.rollback()
    assert ledger.verify() == []


def found_inside(connection):
    """What a ledger finds inside a transaction that is not committed."""
    walk = proof.Walk(None, "")
    head, until = proof._ends(connection)
    for row in proof._rows(connection, until):
        walk.step(row)
    walk.end(head)
    return walk.broken
