"""Drift that can be believed: a decision whose false-alarm rate is stated and held."""

from ordinis_mlflow.drift.check import DriftCheck
from ordinis_mlflow.drift.decide import DriftReference
from ordinis_mlflow.drift.fitting import fit_reference
from ordinis_mlflow.drift.table import DriftTable, drift_table
from ordinis_mlflow.drift.transform import Stabiliser
from ordinis_mlflow.drift.trigger import triggers

__all__ = [
    "DriftCheck",
    "DriftReference",
    "DriftTable",
    "Stabiliser",
    "drift_table",
    "fit_reference",
    "triggers",
]
