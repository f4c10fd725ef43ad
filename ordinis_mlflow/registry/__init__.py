"""Registry: MLflow's model registry, in which nothing is promoted that is not proven.

Floor 4: joins MLflow's stores, the gates of ``promotion`` and the ``ledger``. Reached through
``ordinis_mlflow.plugins.registry_store``, by registry URIs such as ``ordinis+sqlite:///mlflow.db``.
"""

from ordinis_mlflow.registry.names import TAGS
from ordinis_mlflow.registry.promotions import KEY
from ordinis_mlflow.registry.store import GatedStore, GatedWorkspaceStore

__all__ = ["KEY", "TAGS", "GatedStore", "GatedWorkspaceStore"]
