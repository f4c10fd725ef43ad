"""Baseline: the one method that every naive forecaster has.

Floor 2: baselines read the same rows and the same splits as a model, and answer in the same form.
"""

from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.prepare import Rows

Index: TypeAlias = npt.NDArray[np.int64]
Vector: TypeAlias = npt.NDArray[np.float64]


class Baseline(Protocol):
    """A forecaster that needs no features, to hold a model against.

    What it may know (`tests/contracts/baseline_suite.py` checks each point):

    - Whatever it fits, it fits to the training samples: their labels, or the one-bar returns that
      these labels are made of, and so to nothing later than
      ``rows.ends[rows.ready[train]].max()``. Where training lies on both sides of the test part,
      as in a k-fold, the returns between them are no training returns. (A label may be measured
      in the volatility known at its row, which remembers earlier bars as a feature does; keeping
      such rows out of training is what a split's embargo is for.)
    - A forecast may then follow the market: row t may read the bars of its symbol up to and
      including bar t, be they of the training or the test part, and no later one.
    - It keeps nothing between calls: equal arguments give equal answers.
    """

    @property
    def name(self) -> str:
        """Of the baseline in metrics and tables, snake_case."""

    def predict(self, rows: Rows, train: Index, test: Index, forecast: Forecast) -> Prediction:
        """Fit on ``train`` and forecast ``test``.

        Args:
            rows: every bar of every symbol.
            train: (n_train,) positions into ``rows.ready``.
            test: (n_test,) positions into ``rows.ready``, in the order of the answer.
            forecast: horizon, degrees of freedom and no-trade band.

        Raises:
            InvalidConfig: the rows cannot be fitted or forecast: too few, not finite, or of a price
                that stands still.
            BaselineNotFitted: the rows are sound, but no fit converged.
        """
