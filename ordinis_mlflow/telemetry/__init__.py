"""Telemetry: every Prometheus name, unit and label in one table, and the collectors over it."""

from ordinis_mlflow.telemetry.metrics import ServingMetrics
from ordinis_mlflow.telemetry.processes import multiprocess_directory

__all__ = ["ServingMetrics", "multiprocess_directory"]
