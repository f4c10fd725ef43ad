"""Telemetry: every Prometheus name, unit and label in one table, and the collectors over it."""

from ordinis_mlflow.telemetry.drift_scores import ColumnDrift, DriftScores
from ordinis_mlflow.telemetry.metrics import ServingMetrics
from ordinis_mlflow.telemetry.processes import multiprocess_directory

__all__ = ["ColumnDrift", "DriftScores", "ServingMetrics", "multiprocess_directory"]
