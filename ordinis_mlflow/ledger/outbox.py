"""Outbox: reactions to decisions, kept until each is done.

A reaction is enqueued in the transaction of its decision: both are there, or neither. A worker
claims what is due for a while; if it dies, the item is due again when that while is over. So an
item may be delivered more than once, with the same key each time: the receiver drops the second.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.ledger.database import translated
from ordinis_mlflow.ledger.records import Decision
from ordinis_mlflow.ledger.tables import OUTBOX, migrate

SECOND = 1_000_000_000
FIRST_WAIT_NS, LONGEST_WAIT_NS = SECOND, 600 * SECOND
ERROR_LENGTH = 2000
LONGEST_NAME = 128


@dataclass(frozen=True)
class Due:
    """A reaction that one worker has claimed.

    Attributes:
        id: of the item.
        reaction: its name.
        decision: number of the decision that it reacts to.
        key: idempotency key: the same at every attempt, and for no other item.
        attempts: how often it was claimed, this time included.
        last_error: what the attempt before ended with; "" if it was the first or did not end.
    """

    id: int
    reaction: str
    decision: int
    key: str
    attempts: int
    last_error: str

    def retry_at(self, now: int) -> int:
        """When to try again after a failure: 1 s, 2 s, 4 s, ... later, at most 10 minutes."""
        return now + min(FIRST_WAIT_NS << min(self.attempts - 1, 20), LONGEST_WAIT_NS)


class Outbox:
    """The reactions that are due, in the ledger's database.

    What it promises: every reaction is there exactly once for a decision, as soon as and only if
    the decision was committed, and stays until it is done; no two workers hold an item at the same
    time unless one of them holds it longer than its lease. Safe to use from several threads and
    processes.

    Args:
        engine: of the ledger's database.

    Raises:
        LedgerBusy: another process holds the database.
        LedgerError: it cannot be used, or a later version wrote the ledger's tables.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        with translated(engine):
            migrate(engine)

    def enqueue(
        self, connection: sa.Connection, decision: Decision, reactions: Sequence[str]
    ) -> None:
        """Write down what is to follow from a decision, inside the transaction that appends it.

        Each is due at once.

        Raises:
            InvalidConfig: a name is empty or too long.
            LedgerBusy: the wait was too long.
            LedgerError: the database refused, for example a reaction that is there already.
        """
        rows = [_row(decision, reaction) for reaction in reactions]
        if rows:
            with translated(self._engine):
                connection.execute(sa.insert(OUTBOX), rows)

    def pending(self) -> dict[str, int]:
        """Reactions of which some item is not done, and when the first of each is due.

        One that is claimed is due when its lease is over.
        """
        soonest = sa.func.min(OUTBOX.c.next_at)
        query = sa.select(OUTBOX.c.reaction, soonest).where(OUTBOX.c.done_at.is_(None))
        with translated(self._engine), self._engine.connect() as connection:
            rows = connection.execute(query.group_by(OUTBOX.c.reaction))
            return {name: int(at) for name, at in rows}

    def claim(
        self, now: int, lease_ns: int, limit: int = 10, reaction: str | None = None
    ) -> list[Due]:
        """Take what is due, longest due first; nobody else gets it before the lease is over.

        Args:
            now: UTC nanoseconds.
            lease_ns: how long all that is claimed may take together.
            limit: at most so many.
            reaction: of this one only; None for all.

        Raises:
            LedgerBusy: the wait for the database was too long.
            LedgerError: it cannot be used.
        """
        due = (
            sa.select(OUTBOX)
            .where(OUTBOX.c.done_at.is_(None), OUTBOX.c.next_at <= now)
            .order_by(OUTBOX.c.next_at, OUTBOX.c.id)
            .limit(limit)
        )
        if reaction is not None:
            due = due.where(OUTBOX.c.reaction == reaction)
        with translated(self._engine), self._engine.begin() as connection:
            # In the order of their ids, so that two workers never wait for each other's.
            rows = sorted(connection.execute(due), key=lambda row: row.id)
            claimed = [row for row in rows if _lease(connection, row, now + lease_ns)]
        claimed.sort(key=lambda row: (row.next_at, row.id))
        return [_due(row) for row in claimed]

    def done(self, item: Due, now: int) -> bool:
        """An item is done; False if its lease was over and somebody else has it, or did it."""
        return self._settle(item, {"done_at": now, "last_error": ""})

    def failed(self, item: Due, error: str, retry_at: int) -> bool:
        """An attempt failed; ``item.retry_at`` says when to try again.

        Returns:
            False if its lease was over and somebody else has it, or did it: nothing is changed.
        """
        return self._settle(item, {"next_at": retry_at, "last_error": _storable(error)})

    def waiting(self) -> int:
        """How many items are not done."""
        query = sa.select(sa.func.count()).where(OUTBOX.c.done_at.is_(None))
        with translated(self._engine), self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def _settle(self, item: Due, values: dict[str, object]) -> bool:
        mine = (OUTBOX.c.id == item.id) & (OUTBOX.c.attempts == item.attempts)
        settle = sa.update(OUTBOX).where(mine, OUTBOX.c.done_at.is_(None)).values(values)
        with translated(self._engine), self._engine.begin() as connection:
            return connection.execute(settle).rowcount == 1


def _row(decision: Decision, reaction: str) -> dict[str, object]:
    if not 0 < len(reaction) <= LONGEST_NAME:
        raise InvalidConfig(
            f"a reaction's name must have 1 to {LONGEST_NAME} characters, got {reaction!r:.150}"
        )
    return {
        "reaction": reaction,
        "decision": decision.number,
        "key": f"{reaction}:{decision.hash}",
        "attempts": 0,
        "next_at": decision.entry.at,
        "last_error": "",
    }


def _lease(connection: sa.Connection, row: sa.Row[tuple], until: int) -> bool:
    """Compare and swap: ``attempts`` says whose lease it is."""
    same = (OUTBOX.c.id == row.id) & (OUTBOX.c.attempts == row.attempts)
    # A failure puts off an item without a new attempt: the time must be the same as well.
    same &= (OUTBOX.c.next_at == row.next_at) & OUTBOX.c.done_at.is_(None)
    taken = sa.update(OUTBOX).where(same)
    values = {"attempts": row.attempts + 1, "next_at": until}
    return connection.execute(taken.values(values)).rowcount == 1


def _due(row: sa.Row[tuple]) -> Due:
    attempts = row.attempts + 1
    return Due(row.id, row.reaction, row.decision, row.key, attempts, row.last_error)


def _storable(error: str) -> str:
    """What every database can keep of a message."""
    text = error.replace("\0", "").encode("utf-8", "backslashreplace").decode("utf-8")
    return text[:ERROR_LENGTH]
