"""What a database says, in the ledger's words: the one door for SQLAlchemy's errors."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from ordinis_mlflow.errors import LedgerBusy, LedgerError

BUSY_STATES = ("40001", "40P01", "55P03")
"""PostgreSQL: serialisation failure, deadlock, lock not available."""


@contextmanager
def translated(engine: sa.Engine) -> Iterator[None]:
    """Raise LedgerBusy or LedgerError for what SQLAlchemy raises; no message holds a password."""
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error)
        if engine.url.password:
            said = said.replace(str(engine.url.password), "***")
        if is_busy(error):
            raise LedgerBusy(
                f"another transaction was in the way of the ledger ({said}); nothing was written, "
                "try again"
            ) from error
        raise LedgerError(f"the ledger's {engine.dialect.name} database refused: {said}") from error


def is_busy(error: sa.exc.SQLAlchemyError) -> bool:
    """Whether the same transaction may succeed when it is tried again."""
    cause = getattr(error, "orig", None)
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    name = str(getattr(cause, "sqlite_errorname", ""))
    return state in BUSY_STATES or name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
