"""Ledger: every decision about a version of a model, in one chain that only grows."""

from collections.abc import Collection

import sqlalchemy as sa

from ordinis_mlflow.errors import LedgerError
from ordinis_mlflow.ledger import history, proof
from ordinis_mlflow.ledger.chain import decide, decision_of, row_of
from ordinis_mlflow.ledger.database import translated
from ordinis_mlflow.ledger.records import Action, Broken, Decision, Entry
from ordinis_mlflow.ledger.tables import DECISIONS, HEAD, migrate

PROVEN: tuple[Action, ...] = ("promote",)


class Ledger:
    """The ledger in one database, SQLite or PostgreSQL.

    What it promises: a decision is in it exactly if the transaction that it was appended in was
    committed; decisions are numbered 1, 2, 3, ... without gaps, and each holds the hash of the one
    before, whoever appends at the same time; none is changed or removed. Safe to use from several
    threads and processes.

    What it cannot promise: triggers refuse changes, and ``verify`` finds those of somebody who
    dropped the triggers; but whoever rewrites every row and the head is found only by an ``anchor``
    that was kept where they could not write.

    Args:
        engine: of the database that the registry is in.

    Raises:
        LedgerBusy: another process holds the database.
        LedgerError: it cannot be used, or a later version wrote the ledger's tables.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        with translated(engine):
            migrate(engine)

    def lock(self, connection: sa.Connection) -> None:
        """Wait until no other transaction is deciding; none will until this one ends.

        A decision that depends on what the registry says begins with this: what is read afterwards
        stays true until the decision is committed. Under SQLite, nobody else writes at all.

        Raises:
            LedgerBusy: the wait was too long, or the transaction's snapshot is older.
            LedgerError: the head is missing, or the connection commits each statement by itself.
        """
        with translated(self._engine):
            _lock(connection)

    def append(self, connection: sa.Connection, entry: Entry) -> Decision:
        """Write a decision inside the caller's transaction.

        It is as if it were not until the caller commits; others who append wait so long. A refusal
        is therefore written in a transaction of its own. After an error the transaction has to be
        rolled back.

        Raises:
            LedgerBusy: the wait was too long, or the transaction's snapshot is older.
            LedgerError: the database refused, the head is missing, or the connection commits each
                statement by itself.
        """
        with translated(self._engine):
            number, last = _lock(connection)
            decision = decide(entry, number + 1, last)
            connection.execute(sa.insert(DECISIONS).values(row_of(decision)))
            values = {"number": decision.number, "hash": decision.hash}
            connection.execute(sa.update(HEAD).where(HEAD.c.id == 1).values(values))
        return decision

    def decision(self, number: int) -> Decision | None:
        """The decision of a number, or None."""
        found = self._read(sa.select(DECISIONS).where(DECISIONS.c.number == number))
        return found[0] if found else None

    def decisions(
        self,
        model: str | None = None,
        workspace: str | None = "",
        limit: int | None = None,
        before: int | None = None,
    ) -> list[Decision]:
        """Decisions, newest first.

        Args:
            model: those under this name, and the one that gave it; None for all models.
            workspace: None for all workspaces.
            limit: at most so many.
            before: of smaller numbers only: the next page after the smallest number of this one.
        """
        query = sa.select(DECISIONS).order_by(DECISIONS.c.number.desc()).limit(limit)
        if model is not None:
            named = (DECISIONS.c.action == "rename") & (DECISIONS.c.target == model)
            query = query.where((DECISIONS.c.model == model) | named)
        if workspace is not None:
            query = query.where(DECISIONS.c.workspace == workspace)
        if before is not None:
            query = query.where(DECISIONS.c.number < before)
        return self._read(query)

    def holder_at(self, model: str, target: str, at: int, workspace: str = "") -> Decision | None:
        """What held a target at a moment, and through the decision, why.

        The answer is the registry's state after the last decision whose ``at`` is not later.
        Renames are followed: ask by the name of that moment.

        Args:
            model: as it was called at the moment.
            target: as it was written: "Production", "@challenger", ...
            at: UTC nanoseconds.
            workspace: of the model.

        Returns:
            The promotion, rollback or break-glass that put the version there; None if none did, or
            the version has left.
        """
        with translated(self._engine), self._engine.connect() as connection:
            number = history.holder_number(connection, workspace, model, target, at)
        return None if number is None else self.decision(number)

    def evidence(
        self,
        model: str,
        version: str,
        workspace: str = "",
        actions: Collection[Action] = PROVEN,
    ) -> Decision | None:
        """The newest decision about a version that says what was found of it.

        Renames of the model are followed; what was decided before the version or the model was
        deleted was about another one.

        Args:
            model: as it is called now.
            version: of the model.
            workspace: of the model.
            actions: which decisions count; ``("refuse",)`` for the newest refusal.
        """
        with translated(self._engine), self._engine.connect() as connection:
            number = history.evidence_number(connection, workspace, model, version, actions)
        return None if number is None else self.decision(number)

    def anchor(self) -> str:
        """``<number>:<hash>`` of the newest decision.

        Kept elsewhere (an e-mail, a print-out, another team's database), it proves later that all
        decisions up to that one are the same; see ``verify``.

        Raises:
            LedgerError: the head is missing.
        """
        with translated(self._engine), self._engine.connect() as connection:
            row = connection.execute(sa.select(HEAD).where(HEAD.c.id == 1)).one_or_none()
        if row is None:
            raise LedgerError(NO_HEAD)
        return f"{row.number}:{row.hash}"

    def verify(self, anchor: str | None = None) -> list[Broken]:
        """Every place where the chain, a hash, a number, the head or an anchor does not fit.

        Finds any change, insertion, exchange or removal of rows, of the newest ones too as long as
        the head is untouched. Somebody who may write every row and the head can make a ledger that
        is whole and false: only an anchor from before finds that. Others may append meanwhile.

        Args:
            anchor: what ``anchor`` gave at an earlier time.

        Returns:
            Nothing if the ledger is whole.

        Raises:
            InvalidConfig: the anchor is not of the form ``<number>:<hash>``.
            LedgerError: the database cannot be read.
        """
        with translated(self._engine):
            return proof.verify(self._engine, anchor)

    def _read(self, query: sa.Select[tuple]) -> list[Decision]:
        with translated(self._engine), self._engine.connect() as connection:
            return [decision_of(dict(row._mapping)) for row in connection.execute(query)]


NO_HEAD = "the row of ordinis_ledger_head is missing; let `Ledger.verify` say what else is"


def _lock(connection: sa.Connection) -> tuple[int, str]:
    """Number and hash of the newest decision, which stays that until the transaction ends.

    The head is written before it is read. In PostgreSQL this waits for its row, and reads it as the
    one before left it; in SQLite it begins the writing transaction, so that nothing that was read
    can be out of date.
    """
    if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        raise LedgerError("a decision needs a transaction: this connection is in AUTOCOMMIT")
    touch = sa.update(HEAD).where(HEAD.c.id == 1).values(number=HEAD.c.number)
    row = connection.execute(touch.returning(HEAD.c.number, HEAD.c.hash)).one_or_none()
    if row is None:
        raise LedgerError(NO_HEAD)
    return row.number, row.hash
