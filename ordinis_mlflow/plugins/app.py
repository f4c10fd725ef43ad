"""Entry points of the group mlflow.app: ``mlflow server --app-name ordinis``, with users or not.

Imported late inside: MLflow imports this module to see whether the names are factories, in the
process that only starts the server.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI


def create_app() -> "FastAPI":
    """``ordinis``: MLflow's server with the artifact guard and the ledger."""
    from mlflow.server import app

    from ordinis_mlflow.server.app import plain_app

    return plain_app(app)


def create_basic_auth_app() -> "FastAPI":
    """``ordinis-basic-auth``: the same behind MLflow's basic-auth."""
    from mlflow.server import app

    from ordinis_mlflow.server.app import basic_auth_app

    return basic_auth_app(app)
