"""Realised performance in a replay: what the monitor asks of a model's matured predictions."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from flows.realised import SPANS
from flows.replayed_fit import Fitted
from flows.replayed_history import History
from ordinis_mlflow.evaluation import judge, span_of
from ordinis_mlflow.realised import PerformanceSettings, check, mature


@dataclass(frozen=True, eq=False)
class ModelPerformance:
    """A model with what it was worth when it was trained.

    Attributes:
        history: that is replayed.
        model: in force.
        settings: held against the rank IC of the model's own test part.
    """

    history: History
    model: Fitted
    settings: PerformanceSettings

    @classmethod
    def of(cls, history: History, model: Fitted) -> "ModelPerformance":
        """As a training logs it."""
        training, test = history.training, model.split.test
        options, freedom = training.options, training.forecast.degrees_of_freedom
        span = span_of(training.prepared.rows, test, options.horizon, options.cost_bps)
        found = judge(span, model.prediction("test", test, freedom)).metrics
        ic, error = found["rank_ic"], found["rank_ic_standard_error"]
        settings = PerformanceSettings(reference_ic=ic, reference_error=error)
        return cls(history, model, settings)

    def worse(self, now: np.datetime64) -> bool:
        """Whether what had become of its predictions by this bar is worse than it should be."""
        training = self.history.training
        index = self.history.newest(now, SPANS * self.settings.most + training.options.horizon)
        matured = mature(
            self._said(index),
            training.prepared.rows,
            training.forecast,
            self._unseen_after(),
            int(now.astype("datetime64[ns]").astype(np.int64)),
        )
        return check(matured, self.settings).alarm

    def _said(self, index: npt.NDArray[np.int64]) -> pd.DataFrame:
        rows, signal = self.history.training.prepared.rows, self.model.said(index)
        at = rows.ready[index]
        return pd.DataFrame(
            {
                "symbol": rows.symbols[at].astype(object),
                "bar_time": pd.to_datetime(rows.times[at], utc=True),
                "mean": signal.mean,
                "scale": signal.scale,
            }
        )

    def _unseen_after(self) -> np.datetime64:
        """As the contract of a package says it."""
        rows = self.history.training.prepared.rows
        return np.datetime64(rows.ends[rows.ready[self.model.fitted]].max(), "ns")
