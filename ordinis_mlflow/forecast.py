"""Forecast: how a network's location and scale become a signal.

Floor 1, written against the array API like the features: NumPy runs it in evaluation, torch traces
it into the served graph.
"""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

from array_api_compat import array_namespace

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.recalibration import NONE, Recalibration

Array: TypeAlias = Any  # numpy.ndarray or torch.Tensor


@dataclass(frozen=True)
class Forecast:
    """A Student-t forecast of the ``horizon``-bar log return in units of current volatility.

    Attributes:
        horizon: bars ahead, at least 1.
        degrees_of_freedom: ν of the Student-t distribution, even and at least 4.
        no_trade_band: strength below which direction is 0, in [0, 1).
        recalibration: of the probability that the distribution gives.

    Raises:
        InvalidConfig: a value is outside its range.
    """

    horizon: int
    degrees_of_freedom: int
    no_trade_band: float
    recalibration: Recalibration = NONE

    def __post_init__(self) -> None:
        if self.horizon < 1:
            raise InvalidConfig(f"horizon must be at least 1 bar, got {self.horizon}")
        if not 0.0 <= self.no_trade_band < 1.0:
            raise InvalidConfig(f"no_trade_band must be in [0, 1), got {self.no_trade_band}")
        if self.degrees_of_freedom < 4 or self.degrees_of_freedom % 2:
            raise InvalidConfig(
                f"degrees_of_freedom must be even and at least 4, got {self.degrees_of_freedom}: "
                "the graph holds the distribution function in its closed form for even numbers"
            )

    def unit(self, volatility: Array, floor: float) -> Array:
        """max(volatility, floor)·√horizon: the unit in which labels and forecasts are measured."""
        return array_namespace(volatility).maximum(volatility, floor) * math.sqrt(self.horizon)

    def signal(self, location: Array, scale: Array, unit: Array) -> tuple[Array, ...]:
        """The fields of Signal, in their order.

        Recalibration moves probability_up, and with it direction and strength, which are read off
        it. Mean and scale stay what the network forecast: a direction may then be against the mean.

        Args:
            location: shape (windows,), in units of volatility.
            scale: shape (windows,), positive, in units of volatility.
            unit: shape (windows,), log return.

        Returns:
            mean, scale, probability_up, direction (int64), strength; each of shape (windows,).
        """
        xp = array_namespace(location)
        lean = self.recalibration.lean(self._probability_less_half(location, scale))
        half_band = self.no_trade_band / 2.0
        up, down = lean >= half_band, lean <= -half_band
        direction = xp.astype(up, xp.int64) - xp.astype(down, xp.int64)
        return location * unit, scale * unit, lean + 0.5, direction, 2.0 * xp.abs(lean)

    def _probability_less_half(self, location: Array, scale: Array) -> Array:
        """P(X > 0) − ½ for X ~ location + scale·t(ν), in closed form for even ν.

        ½ sin θ (1 + ½ cos²θ + (1·3)/(2·4) cos⁴θ + …, ν/2 terms), tan θ = location / (scale √ν)
        (Abramowitz and Stegun 1964, 26.7.4). The incomplete beta function of the general case is
        no ONNX operator.
        """
        ratio = location / scale
        total = ratio * ratio + float(self.degrees_of_freedom)
        cos_squared = self.degrees_of_freedom / total
        terms = self.degrees_of_freedom // 2
        coefficients = [math.comb(2 * k, k) / 4.0**k for k in range(terms)]
        series = coefficients[-1]
        for coefficient in reversed(coefficients[:-1]):
            series = series * cos_squared + coefficient
        xp = array_namespace(ratio)
        lean = 0.5 * ratio / xp.sqrt(total) * series
        return xp.minimum(xp.maximum(lean, -0.5), 0.5)  # rounding in float32 oversteps by 6e-8
