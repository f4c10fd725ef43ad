"""Who asks, and what they may: answered by MLflow's basic-auth where the server runs with it.

A request is put to MLflow's own functions inside a request of its Flask app, which is where they
look for the user; so a custom ``authorization_function`` is asked as well.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from starlette.requests import Request


class OpenAccess:
    """A server without users: everybody may do what the registry lets them.

    Args:
        flask_app: MLflow's.
    """

    def __init__(self, flask_app: Flask) -> None:
        self._flask_app = flask_app

    @contextmanager
    def request(self, request: Request) -> Iterator[None]:
        """MLflow's code inside sees this request, its headers and where it came from."""
        origin = {"REMOTE_ADDR": request.client.host if request.client else "unknown"}
        headers = [(name, value) for name, value in request.headers.items() if name in _HEADERS]
        with self._flask_app.test_request_context(
            request.url.path, method=request.method, headers=headers, environ_base=origin
        ):
            yield

    def user(self, request: Request) -> object | None:
        """Everybody is somebody."""
        return "anonymous"

    def may_read(self, request: Request, model: str | None) -> bool:
        """Whether the user may see a model's decisions; those of every model with None."""
        return True

    def may_manage(self, request: Request, model: str) -> bool:
        """Whether the user may move a model's versions."""
        return True


_HEADERS = ("authorization", "x-mlflow-workspace")


class BasicAuthAccess(OpenAccess):
    """Users, passwords and permissions of MLflow's basic-auth app."""

    def user(self, request: Request) -> object | None:
        """The name of the user, None without valid credentials."""
        from mlflow.server import auth

        with self.request(request):
            return getattr(auth.authenticate_request(), "username", None)

    def may_read(self, request: Request, model: str | None) -> bool:
        """An administrator sees all; others the models that they may read."""
        return self._may(request, model, "can_read")

    def may_manage(self, request: Request, model: str) -> bool:
        """An administrator, or whom the model's permissions name as its manager."""
        return self._may(request, model, "can_manage")

    def _may(self, request: Request, model: str | None, what: str) -> bool:
        from mlflow.exceptions import MlflowException
        from mlflow.server import auth

        with self.request(request):
            if auth.sender_is_admin():
                return True
            try:
                permission: Any = model and auth._get_registered_model_permission(model)
            except MlflowException:  # no such model: nobody's to manage
                return False
            return bool(permission) and getattr(permission, what)
