"""Baselines whose only memory is a constant."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ordinis_mlflow.baselines._scale import fitted_scale
from ordinis_mlflow.baselines.baseline import Index
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.prepare import Rows


@dataclass(frozen=True)
class ZeroMeanVolatility:
    """Mean zero, scale a constant multiple of the rows' volatility unit; never trades.

    scale[t] = m · rows.units[t], m by maximum likelihood of a Student-t distribution with the
    forecast's ν on the training labels of all symbols together. What the unit is (the 20-bar
    volatility, for a start) is decided where the rows are made.
    """

    name: ClassVar[str] = "zero_mean_volatility"

    def predict(self, rows: Rows, train: Index, test: Index, forecast: Forecast) -> Prediction:
        """As `Baseline.predict`."""
        nu = forecast.degrees_of_freedom
        multiple = fitted_scale(rows.labels[rows.ready[train]], nu, "training labels")
        units = rows.units[rows.ready[test]]
        bad = np.flatnonzero(~(np.isfinite(units) & (units > 0)))
        if bad.size:
            raise InvalidConfig(
                f"units must be positive and finite, but test row {int(bad[0])} has "
                f"{units[bad[0]]} ({bad.size} such rows); leave out rows in the warm-up"
            )
        zeros = np.zeros(len(units))
        return Prediction.student_t(self.name, zeros, multiple * units, nu, forecast.no_trade_band)


@dataclass(frozen=True)
class BuyAndHold:
    """One constant distribution of the log return for all times and symbols; always long.

    mean = the mean training label in log return over the horizon; scale by maximum likelihood of a
    Student-t distribution with the forecast's ν around that mean.
    """

    name: ClassVar[str] = "buy_and_hold"

    def predict(self, rows: Rows, train: Index, test: Index, forecast: Forecast) -> Prediction:
        """As `Baseline.predict`."""
        fitted, nu = rows.ready[train], forecast.degrees_of_freedom
        realised = rows.labels[fitted] * rows.units[fitted]
        center = float(np.sum(realised) / max(len(realised), 1))
        scale = fitted_scale(realised - center, nu, "training returns less their mean")
        mean = np.full(len(test), center)
        held = Prediction.student_t(self.name, mean, scale, nu, forecast.no_trade_band)
        return held.always_long()
