"""Entry point of the group mlflow.dataset_source: a run's snapshot can be loaded back from it."""

from ordinis_mlflow.lineage.snapshot import SnapshotSource

__all__ = ["SnapshotSource"]
