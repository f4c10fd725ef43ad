"""Prediction log: every answer of a model server in rotating Parquet, off the request path.

It is read by ``prediction_log.read``, which a server does not load.
"""

from ordinis_mlflow.prediction_log.log import PredictionLog
from ordinis_mlflow.prediction_log.losses import Counted
from ordinis_mlflow.prediction_log.predictions import Predictions, Source
from ordinis_mlflow.prediction_log.settings import PredictionLogSettings

__all__ = [
    "Counted",
    "PredictionLog",
    "PredictionLogSettings",
    "Predictions",
    "Source",
]
