"""Puts the guard and the pages into MLflow's ASGI app."""

import os
from functools import cache

from fastapi import FastAPI
from flask import Flask
from mlflow.environment_variables import _MLFLOW_SGI_NAME
from mlflow.server.constants import ARTIFACTS_ONLY_ENV_VAR
from mlflow.server.handlers import STATIC_PREFIX_ENV_VAR
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.server.access import BasicAuthAccess, OpenAccess
from ordinis_mlflow.server.delivering import deliver_while_running
from ordinis_mlflow.server.guard import ArtifactGuard
from ordinis_mlflow.server.site import OWN, site
from ordinis_mlflow.server.stores import deliverer, guard_rules, ledger


def plain_app(flask_app: Flask) -> FastAPI:
    """MLflow's server without users, guarded.

    Raises:
        InvalidConfig: the server does not run under uvicorn, or has no registry.
    """
    _check_server()
    from mlflow.server.fastapi_app import create_fastapi_app

    return extended(create_fastapi_app(flask_app), OpenAccess(flask_app))


def basic_auth_app(flask_app: Flask) -> FastAPI:
    """MLflow's server with its basic-auth app, guarded.

    Raises:
        InvalidConfig: the server does not run under uvicorn, or has no registry.
    """
    _check_server()
    from mlflow.server import auth

    return extended(auth.create_app(flask_app), BasicAuthAccess(flask_app))


def extended(app: FastAPI, access: OpenAccess) -> FastAPI:
    """The app with the guard before its routers, and the pages before its catch-all route."""
    users = access.user if isinstance(access, BasicAuthAccess) else None
    # Last in the list is innermost: MLflow's checks of host, user and workspace come first.
    app.user_middleware.append(Middleware(ArtifactGuard, rules=cache(guard_rules), identify=users))
    prefix = os.environ.get(STATIC_PREFIX_ENV_VAR, "").rstrip("/")
    own = f"{prefix}{OWN}"
    home = Route(own, lambda request: RedirectResponse(f"{own}/ledger"))
    app.router.routes[:0] = [home, Mount(own, site(ledger, access, prefix))]
    deliver_while_running(app, deliverer)
    return app


def _check_server() -> None:
    if _MLFLOW_SGI_NAME.get() != "uvicorn":
        raise InvalidConfig(
            "the app 'ordinis' guards MLflow's native routes, which exist under uvicorn alone: "
            "leave out --gunicorn-opts and --waitress-opts"
        )
    if os.environ.get(ARTIFACTS_ONLY_ENV_VAR):
        raise InvalidConfig(
            "the app 'ordinis' asks the registry which artifacts are registered, and a server with "
            "--artifacts-only has none: leave it out"
        )
