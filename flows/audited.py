"""Audited: the project's own training, from bars to forecasts, as a pipeline for an audit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flows.options import VOLATILITY
from flows.training import Training
from ordinis_mlflow.bars import Bars
from ordinis_mlflow.features import FeatureSet, Samples
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.leakage import Fitted, Keyed
from ordinis_mlflow.network import LSTMConfig, SignalLSTM, TrainingState, fit, predict
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.prepare import Prepared, prepare
from ordinis_mlflow.revisions import Panel
from ordinis_mlflow.splits import Holdout

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Learnt:
    """What was learnt from prepared samples; see `Fitted` for each."""

    choices: Vector
    weights: Mapping[str, npt.NDArray[Any]]
    prediction: Prediction


def nothing(windows: int) -> None:
    """Called after each batch where nobody watches."""


@dataclass(frozen=True)
class TrainingPipeline:
    """What ``train`` does, step by step, so that each can be looked at and, in a test, broken.

    Features are computed as the store computes them, but of bars that no store has seen. The
    network is asked itself, and not the graph that is exported from it: those agree to 1e-5.

    Attributes:
        feature_set: what is computed of bars.
        forecast: horizon and unit of the label.
        holdout: where training, validation and test begin.
        scaler: standard or robust.
        config: of the network.
        on_batch: called with the number of windows of each training batch.
    """

    feature_set: FeatureSet
    forecast: Forecast
    holdout: Holdout
    scaler: str
    config: LSTMConfig
    on_batch: Callable[[int], None] = nothing

    @classmethod
    def of(cls, training: Training, on_batch: Callable[[int], None]) -> "TrainingPipeline":
        """The pipeline of a training's settings."""
        options = training.options
        return cls(
            options.feature_set(),
            training.forecast,
            options.holdout(),
            options.scaler,
            training.config,
            on_batch,
        )

    def features(self, bars: Bars) -> Keyed:
        """A row of each bar."""
        tables = [self.feature_set.history(series.values) for series in bars.series()]
        return keyed(bars, np.concatenate(tables))

    def fit(self, bars: Bars) -> Fitted:
        """Prepare, train and forecast every row."""
        features = self.features(bars)
        prepared = self.prepare(bars, panel_of(bars, features, self.feature_set))
        learnt = self.learn(prepared)
        rows, split = prepared.rows, prepared.split

        def known(index: npt.NDArray[np.int64], values: Vector) -> Keyed:
            return Keyed(rows.symbols[index], rows.times[index], values[index])

        return Fitted(
            horizon=self.forecast.horizon,
            validation_start=split.validation_start,
            test_start=split.test_start,
            features=features,
            scaler=np.array([prepared.scaler.center, prepared.scaler.scale]),
            train=known(rows.ready[split.train], rows.labels),
            validation=known(rows.ready[split.validation], rows.labels),
            choices=learnt.choices,
            weights=learnt.weights,
            outcomes=known(rows.ready, rows.labels * rows.units),
            prediction=learnt.prediction,
        )

    def prepare(self, bars: Bars, table: Panel) -> Prepared:
        """Labels, split, scaler and windows."""
        return prepare(
            bars,
            table,
            self.feature_set,
            self.forecast,
            VOLATILITY,
            self.config.sequence_length,
            self.holdout,
            self.scaler,
        )

    def learn(self, prepared: Prepared) -> Learnt:
        """Train the network, and ask it at every row."""
        network = SignalLSTM.untrained(prepared.train.table.shape[1], self.config)
        state = self.train(network, prepared)
        return Learnt(
            choices=np.array([epoch.validation_loss for epoch in state.epochs]),
            weights={name: each.numpy() for name, each in state.best_weights.items()},
            prediction=self.predict(network, prepared),
        )

    def train(self, network: SignalLSTM, prepared: Prepared) -> TrainingState:
        """Fit the weights; the best are left in the network."""
        return fit(
            network, prepared.train, prepared.validation, self.config, on_batch=self.on_batch
        )

    def predict(self, network: SignalLSTM, prepared: Prepared) -> Prediction:
        """What the network says at every row with a whole window and a label."""
        rows = prepared.rows
        table, steps = prepared.train.table, prepared.train.steps
        unlabelled = np.zeros(len(rows.ready), dtype=np.float32)
        said = predict(network, Samples(table, rows.ready, unlabelled, steps))
        location, scale = (each.astype(np.float64) for each in said)
        units = rows.units[rows.ready]
        return Prediction.student_t(
            "model",
            location * units,
            scale * units,
            self.forecast.degrees_of_freedom,
            self.forecast.no_trade_band,
        )


def keyed(bars: Bars, values: npt.NDArray[np.float64]) -> Keyed:
    """Values of each bar, with the bar's symbol and time."""
    symbols = np.concatenate([np.full(len(series), series.symbol) for series in bars.series()])
    times = np.concatenate([series.nanoseconds() for series in bars.series()])
    return Keyed(symbols, times.view("datetime64[ns]"), values)


def panel_of(bars: Bars, features: Keyed, feature_set: FeatureSet) -> Panel:
    """The rows with a whole look-back, as the store gives them."""
    lengths = np.array([len(series) for series in bars.series()])
    place = np.concatenate([np.arange(length) for length in lengths])
    whole = features.where(place >= feature_set.lookback - 1)
    counts = np.maximum(lengths - feature_set.lookback + 1, 0)
    times = whole.times.view(np.int64)
    values = whole.values.astype(np.float64)
    starts = np.concatenate([[0], np.cumsum(counts)])
    return Panel(feature_set.names, bars.symbols, starts, times, times, values)
