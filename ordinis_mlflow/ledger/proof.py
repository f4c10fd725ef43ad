"""Proof: every place where the ledger is not what it must be."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from ordinis_mlflow.errors import InvalidConfig, LedgerError
from ordinis_mlflow.ledger.chain import NO_HASH, decision_of, hash_of, row_of
from ordinis_mlflow.ledger.records import Broken
from ordinis_mlflow.ledger.tables import DECISIONS, HEAD

ROWS_AT_ONCE = 1000
NOTHING = "nothing"


def verify(engine: sa.Engine, anchor: str | None = None) -> list[Broken]:
    """Every place that does not fit, in the order of the numbers; see ``Ledger.verify``."""
    walk = Walk(*_read_anchor(anchor))
    with _lenient(engine) as connection:
        head, until = _ends(connection)
        for row in _rows(connection, until):
            walk.step(row)
    walk.end(head)
    return walk.broken


class Walk:
    """One walk along the chain, oldest decision first.

    Args:
        anchored: number of the decision that an anchor speaks of; None without one.
        anchor: its hash.
    """

    def __init__(self, anchored: int | None, anchor: str) -> None:
        self.broken: list[Broken] = []
        self._number, self._hash = 0, NO_HASH
        self._anchored, self._anchor = anchored, anchor
        self._check_anchor()

    def step(self, row: dict[str, Any]) -> None:
        """Check a decision against the one before, and in itself."""
        number = self._number + 1
        self._expect(number, "number", number, row["number"])
        self._expect(row["number"], "previous_hash", self._hash, row["previous_hash"])
        self._check_row(row)
        self._number, self._hash = row["number"], row["hash"]
        self._check_anchor()

    def end(self, head: str) -> None:
        """Check that the head and the anchor are no further than the chain."""
        self._expect(self._number, "head", f"{self._number}:{self._hash}", head)
        if self._anchored is not None:
            self._expect(self._anchored, "anchor", self._anchor, NOTHING)

    def _check_row(self, row: dict[str, Any]) -> None:
        try:
            decision = decision_of(row)
        except LedgerError as error:
            readable = "a row as the ledger writes it"
            self._expect(row["number"], "decision", readable, str(error.__cause__))
            return
        for column, written in row_of(decision).items():
            self._expect(decision.number, column, written, row[column])
        self._expect(decision.number, "hash", hash_of(decision), decision.hash)

    def _check_anchor(self) -> None:
        if self._number == self._anchored:
            self._expect(self._number, "anchor", self._anchor, self._hash)
            self._anchored = None

    def _expect(self, number: int, what: str, expected: object, found: object) -> None:
        if expected != found:
            self.broken.append(Broken(number, what, _printable(expected), _printable(found)))


def _printable(value: object) -> str:
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")


def _read_anchor(anchor: str | None) -> tuple[int | None, str]:
    if anchor is None:
        return None, ""
    if not re.fullmatch(r"[0-9]{1,18}:[0-9a-f]{64}", anchor):
        raise InvalidConfig(
            f"an anchor must be <number>:<SHA-256> as `Ledger.anchor` gives it, got {anchor!r:.120}"
        )
    number, _, hashed = anchor.partition(":")
    return int(number), hashed


def _ends(connection: sa.Connection) -> tuple[str, int]:
    """The head, and the number of the last row: both of one moment, since others may append."""
    last = sa.select(sa.func.max(DECISIONS.c.number)).scalar_subquery()
    both = sa.select(last, HEAD.c.number, HEAD.c.hash).select_from(
        sa.select(sa.literal(1).label("one")).subquery().outerjoin(HEAD, HEAD.c.id == 1)
    )
    until, number, hashed = connection.execute(both).one()
    return NOTHING if number is None else f"{number}:{hashed}", until or 0


def _rows(connection: sa.Connection, until: int) -> Iterator[dict[str, Any]]:
    """Rows in parts, so that no long transaction holds others up."""
    number = None
    while number is None or number < until:
        query = sa.select(DECISIONS).where(DECISIONS.c.number <= until)
        if number is not None:
            query = query.where(DECISIONS.c.number > number)
        rows = connection.execute(query.order_by(DECISIONS.c.number).limit(ROWS_AT_ONCE)).all()
        yield from (dict(row._mapping) for row in rows)
        if not rows:
            return
        number = rows[-1].number


@contextmanager
def _lenient(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection that gives text of any bytes: spoiled rows are found and not stumbled on.

    Only SQLite keeps text that is not UTF-8.
    """
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        if connection.dialect.name != "sqlite":
            yield connection
            return
        strict = driver.text_factory
        driver.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        try:
            yield connection
        finally:
            driver.text_factory = strict
