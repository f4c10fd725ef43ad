"""What tests of the ledger share: entries, small chains, and a way to spoil them."""

import functools
import sqlite3
from dataclasses import replace

import sqlalchemy as sa

from ordinis_mlflow.ledger import Entry, Ledger
from ordinis_mlflow.verdict import Verdict

DIGEST = "ab" * 32
VERDICT = Verdict("latency_p99_ms", True, 1.25, float("inf"), "no limit was set")
ENTRY = Entry(
    at=1_700_000_000_000_000_000,
    who="risk",
    action="promote",
    model="vol",
    workspace="",
    version="1",
    target="Production",
    previous="",
    verdicts=(VERDICT,),
    digests={"model.onnx": DIGEST},
    policy=DIGEST,
    reason="all gates passed",
)


def entry(**changes):
    return replace(ENTRY, **changes)


def engine_of(database):
    """An engine whose connections close with what they are used for."""
    options = {"timeout": 60} if database.startswith("sqlite") else {}
    return sa.create_engine(database, poolclass=sa.NullPool, connect_args=options)


def write(ledger, engine, *entries):
    """Each in a transaction of its own."""
    found = []
    for each in entries:
        with engine.begin() as connection:
            found.append(ledger.append(connection, each))
    return found


def chain_in_memory(entries):
    """(SQLite connection, ledger over it) with these entries."""
    raw, ledger = copied(_empty())
    write(ledger, ledger._engine, *entries)
    return raw, ledger


@functools.cache
def _empty():
    """The tables, made once."""
    raw = sqlite3.connect(":memory:", check_same_thread=False)
    Ledger(sa.create_engine("sqlite://", poolclass=sa.StaticPool, creator=lambda: raw))
    return raw


class Spoilable(sqlite3.Connection):
    def spoil(self, statement, values=()):
        self.execute(statement, values)
        self.commit()


def copied(raw):
    """(SQLite connection, ledger) of a copy, for a test to spoil."""
    copy = sqlite3.connect(":memory:", check_same_thread=False, factory=Spoilable)
    raw.backup(copy)
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool, creator=lambda: copy)
    return copy, Ledger(engine)


def drop_triggers(connection):
    """What somebody does who may do everything; a DB-API or SQLAlchemy-driver-level connection."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (name,) in names:
        connection.execute(f"DROP TRIGGER {name}")
