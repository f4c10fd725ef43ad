"""Fitted: what one run of a pipeline over bars gave, in the form in which it is audited."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.bars import Bars
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.prediction import Prediction

Vector = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Keyed:
    """Values by symbol and time.

    Attributes:
        symbols: shape (rows,).
        times: shape (rows,), datetime64[ns], UTC.
        values: shape (rows,) or (rows, columns).
    """

    symbols: npt.NDArray[np.str_]
    times: npt.NDArray[np.datetime64]
    values: npt.NDArray[np.floating[Any]]

    def __post_init__(self) -> None:
        if not len(self.symbols) == len(self.times) == len(self.values):
            raise InvalidConfig(
                f"values are keyed by one symbol and one time each, got {len(self.symbols)} "
                f"symbols, {len(self.times)} times and {len(self.values)} rows of values"
            )

    def __len__(self) -> int:
        return len(self.times)

    def where(self, mask: Mask) -> "Keyed":
        """The rows at which the mask is true."""
        return Keyed(self.symbols[mask], self.times[mask], self.values[mask])

    def same_keys(self, other: "Keyed") -> bool:
        """Whether both are of the same symbols and times in the same order."""
        symbols = np.array_equal(self.symbols, other.symbols)
        return symbols and np.array_equal(self.times, other.times)


@dataclass(frozen=True, eq=False)
class Fitted:
    """Everything that a pipeline fitted, chose and foretold.

    Attributes:
        horizon: bars that a label reaches ahead.
        validation_start: first decision time of the validation part.
        test_start: first decision time of the test part.
        features: of every bar, before they are scaled; NaN where a look-back is not complete.
        scaler: every number that was fitted to scale them.
        train: labels of the training samples.
        validation: labels of the samples that decided when to stop, or between candidates.
        choices: every figure that such a decision was taken by, for example the validation loss of
            each epoch. Weights alone may stay by luck where a wrong figure led to the same choice.
        weights: all fitted numbers of the model, by name.
        outcomes: log return over the horizon of every row that was forecast, of all parts.
        prediction: what was said at those rows.
    """

    horizon: int
    validation_start: np.datetime64
    test_start: np.datetime64
    features: Keyed
    scaler: Vector
    train: Keyed
    validation: Keyed
    choices: Vector
    weights: Mapping[str, npt.NDArray[Any]]
    outcomes: Keyed
    prediction: Prediction

    def __post_init__(self) -> None:
        if len(self.outcomes) != len(self.prediction):
            raise InvalidConfig(
                f"every forecast row has one outcome, got {len(self.prediction)} forecasts and "
                f"{len(self.outcomes)} outcomes"
            )

    @property
    def test(self) -> Mask:
        """Which of the forecast rows are of the test part."""
        mask: Mask = self.outcomes.times >= self.test_start
        return mask

    @property
    def means(self) -> Keyed:
        """The location of each forecast."""
        return Keyed(self.outcomes.symbols, self.outcomes.times, self.prediction.mean)


class Pipeline(Protocol):
    """What is audited: anything that makes features of bars, and forecasts of both.

    Both must be repeatable: the same bars give the same bits. How samples are divided must follow
    from the bars' times and never from their values.
    """

    def features(self, bars: Bars) -> Keyed:
        """A row of each bar, NaN where its look-back is not complete, each symbol's oldest first.

        `Fitted.features` are these: no bars are too few, as those of an early moment are asked for.
        """
        ...

    def fit(self, bars: Bars) -> Fitted:
        """The whole way from bars to forecasts."""
        ...
