"""Prediction: what a forecaster said of each row, and the position that follows from it.

Floor 1: the one form in which models and baselines are judged beside each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
from scipy import special

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.signal import Signal

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Prediction:
    """A Student-t distribution of the log return over the horizon, and a position; each (rows,).

    The position is held from the row's bar to the next one, as a fraction of wealth. It follows one
    stated rule, direction × strength of the forecast; only `always_long` has another.

    Attributes:
        name: of the forecaster.
        mean: location, log return over the horizon.
        scale: Student-t scale, log return over the horizon.
        degrees_of_freedom: of the distribution.
        probability_up: of a positive return.
        position: -1 fully short to 1 fully long.
    """

    name: str
    mean: Vector
    scale: Vector
    degrees_of_freedom: Vector
    probability_up: Vector
    position: Vector

    @classmethod
    def of_signal(cls, name: str, signal: Signal, degrees_of_freedom: float) -> "Prediction":
        """What a model said, each number as it was served."""
        return cls(
            name,
            signal.mean.astype(np.float64),
            signal.scale.astype(np.float64),
            np.full(len(signal), float(degrees_of_freedom)),
            signal.probability_up.astype(np.float64),
            signal.direction.astype(np.float64) * signal.strength,
        )

    @classmethod
    def student_t(
        cls,
        name: str,
        mean: npt.ArrayLike,
        scale: npt.ArrayLike,
        degrees_of_freedom: npt.ArrayLike,
        no_trade_band: float,
    ) -> "Prediction":
        """A distribution by itself, traded by the rule of `Forecast.signal`.

        With p = P(X > 0): strength |2p - 1|, direction its sign, 0 where below the band.

        Args:
            name: of the forecaster.
            mean: (rows,) or one for all.
            scale: (rows,) or one for all, positive.
            degrees_of_freedom: (rows,) or one for all.
            no_trade_band: strength below which nothing is held, in [0, 1).
        """
        columns = np.broadcast_arrays(*(np.asarray(x, float) for x in (mean, scale)))
        location, spread = (np.array(column) for column in columns)
        freedom = np.broadcast_to(np.asarray(degrees_of_freedom, float), location.shape).copy()
        up: Vector = special.stdtr(freedom, location / spread)
        lean = 2.0 * up - 1.0
        position = np.where(np.abs(lean) >= no_trade_band, lean, 0.0)
        return cls(name, location, spread, freedom, up, position)

    def always_long(self) -> "Prediction":
        """The same distribution, with all wealth invested at every row."""
        return replace(self, position=np.ones(len(self)))

    def __len__(self) -> int:
        return len(self.mean)

    @classmethod
    def concatenate(cls, parts: "Sequence[Prediction]") -> "Prediction":
        """Rows one below the other, of one forecaster.

        Raises:
            InvalidConfig: there are none, or they are of several forecasters.
        """
        names = {part.name for part in parts}
        if len(names) != 1:
            raise InvalidConfig(f"predictions of one forecaster are joined, got {sorted(names)}")
        joined = (
            np.concatenate([getattr(part, column) for part in parts]) for column in cls.columns()
        )
        return cls(names.pop(), *joined)

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Names of the fields that have a value for each row, in order."""
        return tuple(field.name for field in fields(cls) if field.name != "name")
