"""Gated: the registry whose gates decide, in this process or behind a server."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

import mlflow
from mlflow.tracking._model_registry.utils import _get_store
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

from ordinis_mlflow.errors import InvalidConfig, PromotionRefused
from ordinis_mlflow.flavor.proof import SCHEME
from ordinis_mlflow.ledger.records import TAKES
from ordinis_mlflow.verdict import Verdict

KEY_VARIABLE = "ORDINIS_BREAK_GLASS_KEY"


@dataclass(frozen=True)
class Decided:
    """A decision about a version, as the ledger has it.

    Attributes:
        number: in the ledger.
        version: of the model.
        promoted: whether it let the version stand; one about something else did not.
        reason: that was given.
        verdicts: of the gates that were asked.
    """

    number: int
    version: str
    promoted: bool
    reason: str
    verdicts: tuple[Verdict, ...]


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


def decisions(name: str) -> Iterator[Decided]:
    """What the gated registry has decided about a model, newest first.

    Raises:
        InvalidConfig: the registry has no gates.
        PromotionRefused: the server does not tell.
    """
    registry: Any = gated_registry()
    if isinstance(registry, Server):
        yield from registry.decisions(name)
        return
    for each in registry.ledger.decisions(name):
        entry = each.entry
        promoted = entry.action in TAKES
        yield Decided(each.number, entry.version, promoted, entry.reason, tuple(entry.verdicts))


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

    def decisions(self, name: str) -> Iterator[Decided]:
        """Those that the server tells of at once, newest first."""
        query = urlencode({"model": name, "limit": 5000})
        answer = http_request(
            self._credentials, f"/ordinis/ledger.json?{query}", "GET", raise_on_status=False
        )
        if answer.status_code != 200:
            raise PromotionRefused(_reason(answer))
        for each in answer.json()["decisions"]:
            verdicts = tuple(
                Verdict(
                    one["name"], one["passed"], float(one["observed"]), float(one["limit"]),
                    one["reason"],
                )
                for one in each["verdicts"]
            )  # fmt: skip
            promoted = each["action"] in TAKES
            yield Decided(each["number"], str(each["version"]), promoted, each["reason"], verdicts)

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
