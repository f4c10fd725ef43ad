"""Caller: who asks, for the ledger."""

import getpass
import os
import sys
from typing import Any

ANONYMOUS = "anonymous"
LONGEST = 256
"""Characters that the ledger keeps."""


def who() -> str:
    """The authenticated user of the request, else where it came from; without a server, the user.

    A name in a request that nobody has checked is not believed: without MLflow's basic-auth app a
    client may send any.
    """
    flask = sys.modules.get("flask")  # a process without it serves no request
    if flask is None or not flask.has_request_context():
        return _local_user()
    name = _authenticated(flask) or f"{ANONYMOUS} at {flask.request.remote_addr}"
    return name[:LONGEST]


def _authenticated(flask: Any) -> str | None:
    auth = sys.modules.get("mlflow.server.auth")
    hooks = flask.current_app.before_request_funcs.get(None, [])
    if auth is None or auth._before_request not in hooks:
        return None
    answer = auth.authenticate_request()
    return getattr(answer, "username", None)


def _local_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user need not have an entry
        return f"uid {os.getuid()}"
