"""The server's own stores and places, as MLflow was started with them."""

import os

from mlflow.server.constants import (
    ARTIFACT_ROOT_ENV_VAR,
    ARTIFACTS_DESTINATION_ENV_VAR,
    SERVE_ARTIFACTS_ENV_VAR,
)
from mlflow.server.handlers import _get_model_registry_store, _get_tracking_store
from sqlalchemy import Engine

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.ledger import Ledger
from ordinis_mlflow.reactions import Deliverer
from ordinis_mlflow.server.places import Places
from ordinis_mlflow.server.registered import RegisteredPlaces
from ordinis_mlflow.server.rules import Rules

ROOTS = "ORDINIS_ARTIFACT_ROOTS"
"""Environment variable: further URIs below which clients may keep artifacts, with commas."""


def registry_engine() -> Engine:
    """Of the registry's database.

    Raises:
        InvalidConfig: the registry is not in a database.
    """
    return _engine(_get_model_registry_store(), "registry")


def tracking_engine() -> Engine:
    """Of the tracking database.

    Raises:
        InvalidConfig: runs are not kept in a database.
    """
    return _engine(_get_tracking_store(), "tracking")


def ledger() -> Ledger:
    """The registry's; a registry without gates has an empty one."""
    store = _get_model_registry_store()
    return getattr(store, "ledger", None) or Ledger(_engine(store, "registry"))


def deliverer() -> Deliverer | None:
    """The registry's; None of a registry without gates."""
    return getattr(_get_model_registry_store(), "deliverer", None)


def guard_rules() -> Rules:
    """The guard's rules for this server's stores."""
    places = Places(os.environ.get(ARTIFACTS_DESTINATION_ENV_VAR, "mlartifacts"))
    registered = RegisteredPlaces(registry_engine, tracking_engine, places)
    return Rules(registered, places, allowed_roots())


def allowed_roots() -> list[str]:
    """Where clients may keep artifacts: where the server does, and where its operator says."""
    proxy = ["mlflow-artifacts:/"] if os.environ.get(SERVE_ARTIFACTS_ENV_VAR) == "true" else []
    own = [os.environ[ARTIFACT_ROOT_ENV_VAR]] if ARTIFACT_ROOT_ENV_VAR in os.environ else []
    named = [part.strip() for part in os.environ.get(ROOTS, "").split(",")]
    return list(dict.fromkeys([*own, *proxy, *filter(None, named)]))


def _engine(store: object, what: str) -> Engine:
    engine = getattr(store, "engine", None)
    if not isinstance(engine, Engine):
        raise InvalidConfig(
            f"the app 'ordinis' needs its {what} store in a database (sqlite, postgresql), got "
            f"{type(store).__name__}"
        )
    return engine
