"""Realised performance: what has become of a model's predictions, and whether it is worse.

Floor 3: joins predictions with outcomes that are known (``matured``), and tests them (``check``):
correlation with what happened, log score beside the naive baseline, calibration.
"""

from ordinis_mlflow.realised.check import PerformanceCheck, PerformanceSettings, check, unjudged
from ordinis_mlflow.realised.matured import Matured, mature

__all__ = ["Matured", "PerformanceCheck", "PerformanceSettings", "check", "mature", "unjudged"]
