"""Lineage: from a model version back to bars, and from a snapshot to every model made of it."""

from ordinis_mlflow.lineage.snapshot import SnapshotDataset, SnapshotSource
from ordinis_mlflow.lineage.trace import Lineage, ModelVersion, trace, trained_on

__all__ = ["Lineage", "ModelVersion", "SnapshotDataset", "SnapshotSource", "trace", "trained_on"]
