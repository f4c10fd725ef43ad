"""Puts the guard and the pages into MLflow's ASGI app."""

from functools import cache

from fastapi import FastAPI
from flask import Flask
from mlflow.environment_variables import _MLFLOW_SGI_NAME
from starlette.middleware import Middleware

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.server.access import BasicAuthAccess, OpenAccess
from ordinis_mlflow.server.guard import ArtifactGuard
from ordinis_mlflow.server.stores import guard_rules


def plain_app(flask_app: Flask) -> FastAPI:
    """MLflow's server without users, guarded.

    Raises:
        InvalidConfig: the server does not run under uvicorn.
    """
    from mlflow.server.fastapi_app import create_fastapi_app

    _check_server()
    return extended(create_fastapi_app(flask_app), OpenAccess(flask_app))


def basic_auth_app(flask_app: Flask) -> FastAPI:
    """MLflow's server with its basic-auth app, guarded.

    Raises:
        InvalidConfig: the server does not run under uvicorn.
    """
    from mlflow.server import auth

    _check_server()
    return extended(auth.create_app(flask_app), BasicAuthAccess(flask_app))


def extended(app: FastAPI, access: OpenAccess) -> FastAPI:
    """The app with the guard before its routers."""
    users = access.user if isinstance(access, BasicAuthAccess) else None
    # Last in the list is innermost: MLflow's checks of host, user and workspace come first.
    app.user_middleware.append(Middleware(ArtifactGuard, rules=cache(guard_rules), identify=users))
    return app


def _check_server() -> None:
    if _MLFLOW_SGI_NAME.get() != "uvicorn":
        raise InvalidConfig(
            "the app 'ordinis' guards MLflow's native routes, which exist under uvicorn alone: "
            "leave out --gunicorn-opts and --waitress-opts"
        )
