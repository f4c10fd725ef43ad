"""Naive forecasters that every model is reported beside, on the same rows of the same splits."""

from ordinis_mlflow.baselines.baseline import Baseline
from ordinis_mlflow.baselines.constant import BuyAndHold, ZeroMeanVolatility
from ordinis_mlflow.baselines.ewma import EwmaVolatility
from ordinis_mlflow.baselines.garch import Garch

ALL: tuple[Baseline, ...] = (
    ZeroMeanVolatility(),
    EwmaVolatility(),
    Garch(asymmetric=False),
    Garch(asymmetric=True),
    BuyAndHold(),
)
"""In the order in which they are reported."""

__all__ = ["ALL", "Baseline", "BuyAndHold", "EwmaVolatility", "Garch", "ZeroMeanVolatility"]
