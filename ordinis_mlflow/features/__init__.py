"""Features: pure functions of bars with a finite look-back, and what is made of them."""

from ordinis_mlflow.features.feature import BarArrays, Feature
from ordinis_mlflow.features.feature_set import (
    TECHNICAL_1,
    VOLATILITY_WINDOW,
    FeatureSet,
    Fingerprint,
    feature_set,
)
from ordinis_mlflow.features.kernels import Array, Kernel
from ordinis_mlflow.features.labels import (
    VOLATILITY_FLOOR,
    Labels,
    forward_returns,
)
from ordinis_mlflow.features.probe_bars import probe_bars
from ordinis_mlflow.features.scaler import Scaler, fit_scaler
from ordinis_mlflow.features.windowed import Banded, History, Windowed
from ordinis_mlflow.features.windows import Samples, windows

__all__ = [
    "TECHNICAL_1",
    "VOLATILITY_FLOOR",
    "VOLATILITY_WINDOW",
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
