"""Gated: the registry whose gates decide, in this process or behind a server."""

import os
from collections.abc import Mapping
from typing import Any, Protocol

import mlflow
from mlflow.tracking._model_registry.utils import _get_store
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

from ordinis_mlflow.errors import InvalidConfig, PromotionRefused
from ordinis_mlflow.flavor.proof import SCHEME

KEY_VARIABLE = "ORDINIS_BREAK_GLASS_KEY"


class Gated(Protocol):
    """What promotes and rolls back."""

    def promote(self, name: str, version: str, target: str, reason: str, key: str) -> Any:
        """Through the gates, or with the key past them."""

    def rollback(self, name: str, version: str, reason: str, target: str) -> Any:
        """To a version whose evidence holds."""


def gated_registry() -> Gated:
    """The registry that MLFLOW_REGISTRY_URI names.

    Raises:
        InvalidConfig: it has no gates.
    """
    uri = mlflow.get_registry_uri()
    if uri.startswith(SCHEME):
        store: Gated = _get_store(uri)
        return store
    if uri.startswith(("http://", "https://")):
        return Server(uri)
    raise InvalidConfig(
        f"the registry {uri.partition(':')[0]}:... has no gates: set MLFLOW_REGISTRY_URI to "
        f"{SCHEME}sqlite:///... or to a server that was started with such a registry"
    )


class Server:
    """The gated registry of a tracking server.

    Args:
        uri: of the server.
    """

    def __init__(self, uri: str) -> None:
        self._credentials = get_default_host_creds(uri)

    def promote(self, name: str, version: str, target: str, reason: str, key: str) -> Any:
        """Ask the server."""
        said = {"name": name, "version": version, "target": target, "reason": reason, "key": key}
        return self._post("promote", said)

    def rollback(self, name: str, version: str, reason: str, target: str) -> Any:
        """Ask the server."""
        said = {"name": name, "version": version, "reason": reason, "target": target}
        return self._post("rollback", said)

    def _post(self, action: str, said: Mapping[str, str]) -> Any:
        # One attempt: a promotion that timed out may have been done.
        answer = http_request(
            self._credentials, f"/ordinis/{action}", "POST", json=said, max_retries=0,
            raise_on_status=False,
        )  # fmt: skip
        if answer.status_code == 200:
            return answer.json()
        raise PromotionRefused(_reason(answer))


def _reason(answer: Any) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"the server answered {answer.status_code}: is it started with --app-name ordinis?"


def break_glass_key() -> str:
    """From the environment: parameters are logged."""
    return os.environ.get(KEY_VARIABLE, "")
