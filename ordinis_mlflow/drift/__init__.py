"""Drift that can be believed: a decision whose false-alarm rate is stated and held."""

from ordinis_mlflow.drift.check import DriftCheck
from ordinis_mlflow.drift.decide import DriftReference
from ordinis_mlflow.drift.transform import Stabiliser
from ordinis_mlflow.drift.trigger import triggers

__all__ = ["DriftCheck", "DriftReference", "Stabiliser", "triggers"]
