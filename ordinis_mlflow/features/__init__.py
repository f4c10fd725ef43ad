"""Features: pure functions of bars with a finite look-back, and what is made of them."""

from ordinis_mlflow.features.feature import BarArrays, Feature
from ordinis_mlflow.features.feature_set import FeatureSet, Fingerprint
from ordinis_mlflow.features.kernels import Array, Kernel
from ordinis_mlflow.features.labels import (
    VOLATILITY_FLOOR,
    Labels,
    forward_returns,
)
from ordinis_mlflow.features.probe_bars import probe_bars
from ordinis_mlflow.features.scaler import Scaler, fit_scaler
from ordinis_mlflow.features.sets import STANDARD_1, TECHNICAL_1, UNIT, feature_set
from ordinis_mlflow.features.windowed import Banded, History, Windowed
from ordinis_mlflow.features.windows import Samples, windows

__all__ = [
    "STANDARD_1",
    "TECHNICAL_1",
    "UNIT",
    "VOLATILITY_FLOOR",
    "Array",
    "Banded",
    "BarArrays",
    "Feature",
    "FeatureSet",
    "Fingerprint",
    "History",
    "Kernel",
    "Labels",
    "Samples",
    "Scaler",
    "Windowed",
    "feature_set",
    "fit_scaler",
    "forward_returns",
    "probe_bars",
    "windows",
]
