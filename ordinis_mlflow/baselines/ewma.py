"""Exponentially weighted volatility, as RiskMetrics made it known."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import signal

from ordinis_mlflow.baselines._returns import returns_by_symbol
from ordinis_mlflow.baselines._scale import fitted_scale
from ordinis_mlflow.baselines.baseline import Index, Vector
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.features import VOLATILITY_FLOOR
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.prepare import Rows


@dataclass(frozen=True)
class EwmaVolatility:
    """Mean zero, scale a multiple of the exponentially weighted volatility; never trades.

    With r the one-bar log returns of one symbol and λ the decay (J.P. Morgan/Reuters 1996,
    RiskMetrics Technical Document, 4th ed., section 5.2: mean zero, λ = 0.94 for daily data):

        v[t] = λ v[t-1] + (1 - λ) r[t]²,  v[0] = 0
        σ[t] = sqrt(v[t] / (1 - λ^t)),    t returns being known at bar t
        scale[t] = m · max(σ[t], 0.1 basis point) · √horizon

    The division makes the weights sum to one from the first return on, in place of a first variance
    that someone has to choose. m is fitted for each symbol, by maximum likelihood of a Student-t
    distribution with the forecast's ν on the training labels.

    Attributes:
        decay: λ, in (0, 1); 0.94 has a centre of mass of 16 bars.

    Raises:
        InvalidConfig: decay is outside its range.
    """

    decay: float = 0.94
    name: ClassVar[str] = "ewma_volatility"

    def __post_init__(self) -> None:
        if not 0.0 < self.decay < 1.0:
            raise InvalidConfig(f"decay must be in (0, 1), got {self.decay}")

    def predict(self, rows: Rows, train: Index, test: Index, forecast: Forecast) -> Prediction:
        """As `Baseline.predict`; also InvalidConfig for a row with no return before it."""
        scale, nu = np.full(len(test), np.nan), forecast.degrees_of_freedom
        for one in returns_by_symbol(rows, train, test, forecast.horizon):
            if min(one.train.min(), one.test.min()) < 1:
                raise InvalidConfig(
                    f"the first bar of symbol {one.symbol!r} has no return yet; "
                    "train and test on later rows"
                )
            volatility = ewma_volatility(one.returns, self.decay)
            unit = forecast.unit(volatility, VOLATILITY_FLOOR)
            labels = one.realised / unit[one.train - 1]
            multiple = fitted_scale(labels, nu, f"training labels of symbol {one.symbol!r}")
            scale[one.answer] = multiple * unit[one.test - 1]
        mean = np.zeros(len(test))
        return Prediction.student_t(self.name, mean, scale, nu, forecast.no_trade_band)


def ewma_volatility(returns: Vector, decay: float) -> Vector:
    """σ of `EwmaVolatility` after each return, in log return per bar.

    Args:
        returns: (n,) one-bar log returns.
        decay: λ, in (0, 1).

    Returns:
        (n,); value i reads returns[: i + 1].
    """
    variance = signal.lfilter([1.0 - decay], [1.0, -decay], returns**2)
    weight = -np.expm1(np.arange(1, len(returns) + 1) * np.log(decay))
    volatility: Vector = np.sqrt(variance / weight)
    return volatility
