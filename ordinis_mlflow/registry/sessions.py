"""Sessions: several of MLflow's registry calls as one transaction."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import sqlalchemy as sa
from mlflow.store.model_registry.dbmodels.models import SqlRegisteredModel
from sqlalchemy.orm import Session

from ordinis_mlflow.registry.refusals import answered, missing

Maker = Callable[..., AbstractContextManager[Session]]


class Sessions:
    """Stands where MLflow's store keeps its maker of sessions.

    A session that is asked for inside a transaction of the same thread is the transaction's: so
    MLflow's own methods can be combined, and none of them commits by itself.

    Args:
        make: MLflow's maker.
    """

    def __init__(self, make: Maker) -> None:
        self._make = make
        self._open = threading.local()

    def __call__(self, read_only: bool = True) -> AbstractContextManager[Session]:
        """What MLflow calls: a session that commits at its end, or the transaction's."""
        session = getattr(self._open, "session", None)
        return self._make(read_only=read_only) if session is None else _joined(session)

    @contextmanager
    def transaction(self, workspace: str, name: str) -> Iterator[Session]:
        """One transaction on a registered model, alone: others of the same model wait.

        Raises:
            MlflowException: there is no such model; or what went wrong inside, see ``answered``.
        """
        with answered(), self._make(read_only=False) as session:
            _lock(session, workspace, name)
            self._open.session = session
            try:
                yield session
            finally:
                self._open.session = None


@contextmanager
def _joined(session: Session) -> Iterator[Session]:
    yield session
    session.flush()


def _lock(session: Session, workspace: str, name: str) -> None:
    """Lock the model's row until the end; in SQLite, as every write does, the whole database.

    It must be the first statement: only then is whatever is read afterwards still true at the end.
    """
    model = SqlRegisteredModel
    mine: sa.ColumnElement[bool] = (model.workspace == workspace) & (model.name == name)
    statement = sa.update(model).where(mine).values(description=model.description)
    options = {"synchronize_session": False}
    if session.execute(statement, execution_options=options).rowcount == 0:  # type: ignore[attr-defined]
        raise missing(f"Registered Model with name={name} not found")
