"""Refusals: every error that leaves the registry, with a status that clients do not retry.

MLflow's client asks again for minutes after 429 and every 5xx. So a request ends with 400 (it makes
no sense), 403 (not allowed), 404 (no such thing) or 409 (somebody else was faster: ask again).
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    INVALID_PARAMETER_VALUE,
    PERMISSION_DENIED,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_CONFLICT,
    RESOURCE_DOES_NOT_EXIST,
)

from ordinis_mlflow.errors import InvalidConfig, InvalidEntry, LedgerBusy, OrdinisError

RETRIED = ("TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR", "INVALID_STATE", "BAD_REQUEST")
"""What MLflow's sessions make of an error of the database and of any other: 5xx, or SQL's text."""
BUSY = "the registry was busy or changed meanwhile, nothing was done: try again"

log = logging.getLogger(__name__)


def invalid(message: str) -> MlflowException:
    """400."""
    return MlflowException(message, error_code=INVALID_PARAMETER_VALUE)


def refused(message: str) -> MlflowException:
    """403."""
    return MlflowException(message, error_code=PERMISSION_DENIED)


def conflict(message: str) -> MlflowException:
    """409."""
    return MlflowException(message, error_code=RESOURCE_CONFLICT)


def missing(message: str) -> MlflowException:
    """404."""
    return MlflowException(message, error_code=RESOURCE_DOES_NOT_EXIST)


@contextmanager
def answered() -> Iterator[None]:
    """Whatever goes wrong inside, as one of the errors above; traces stay in the server's log.

    Raises:
        MlflowException: 400, 403, 404 or 409.
    """
    try:
        yield
    except MlflowException as error:
        if error.error_code == "RESOURCE_ALREADY_EXISTS":  # MLflow's message goes on with SQL
            said = error.message.partition(" Error:")[0]
            raise MlflowException(said, error_code=RESOURCE_ALREADY_EXISTS) from error
        if error.error_code not in RETRIED:
            raise
        raise _known(error.__cause__ or error) from error
    except Exception as error:
        raise _known(error) from error


def _known(error: BaseException) -> MlflowException:
    if isinstance(error, LedgerBusy):
        return conflict(BUSY)
    if isinstance(error, InvalidConfig | InvalidEntry):
        return invalid(str(error))
    if isinstance(error, OrdinisError):
        return refused(str(error))
    if isinstance(error, sa.exc.SQLAlchemyError):
        log.warning("a write to the registry was undone", exc_info=error)
        return conflict(BUSY)
    log.error("a request to the registry broke down", exc_info=error)
    return refused(
        f"the request broke down with {type(error).__name__} and was undone; the server's log says "
        "where"
    )
