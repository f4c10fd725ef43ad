"""Entry point of the group mlflow.model_registry_store: URIs such as ``ordinis+sqlite:///x.db``.

Given to ``mlflow server --registry-store-uri`` it gates every client; given to a process as
MLFLOW_REGISTRY_URI it gates that process.
"""

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ordinis_mlflow.registry import GatedStore, GatedWorkspaceStore

PREFIX = "ordinis+"


def build(store_uri: str, tracking_uri: str | None = None) -> "GatedStore | GatedWorkspaceStore":
    """The gated store of a database.

    Args:
        store_uri: MLflow's URI of it, after ``ordinis+``.
        tracking_uri: of the tracking store, in which gates look.

    Raises:
        MlflowException: the policy or the database cannot be used.
    """
    # Imported late: MLflow loads its plugins while it is itself imported.
    from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES

    from ordinis_mlflow.registry import GatedStore, GatedWorkspaceStore

    kind = GatedWorkspaceStore if MLFLOW_ENABLE_WORKSPACES.get() else GatedStore
    return kind(store_uri.removeprefix(PREFIX), _replica(), tracking_uri)


def _replica() -> str | None:
    """The database that the server reads from, if it was given one."""
    if "mlflow.server" not in sys.modules:  # loading all of it would cost a process seconds
        return None
    from mlflow.server.constants import READ_REPLICA_BACKEND_STORE_URI_ENV_VAR

    return os.environ.get(READ_REPLICA_BACKEND_STORE_URI_ENV_VAR)
