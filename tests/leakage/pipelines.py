"""Pipelines to audit: a cheap honest one, the project's own, and one for each planted leak."""

from dataclasses import dataclass, replace

import numpy as np

from flows.audited import Learnt, TrainingPipeline
from ordinis_mlflow.features import TECHNICAL_1, Feature, FeatureSet, Samples, fit_scaler
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.network import LSTMConfig, fit
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.splits import Holdout, HoldoutSplit

STEPS = 12
PENALTIES = (1.0, 10.0, 100.0)
TINY = LSTMConfig(
    hidden_dim=8,
    num_layers=1,
    dropout=0.0,
    sequence_length=STEPS,
    epochs=3,
    learning_rate=3e-2,
    batch_size=32,
    degrees_of_freedom=6,
)


def pipeline(kind=TrainingPipeline, horizon=1, **changes):
    """The project's own training, small, or another kind of it."""
    made = kind(TECHNICAL_1, Forecast(horizon, 6, 0.02), Holdout(0.15, 0.15), "standard", TINY)
    return replace(made, **changes)


class Ridge(TrainingPipeline):
    """Least squares with a penalty on the newest row, chosen on the validation part: cheap."""

    chosen_on = "validation"

    def learn(self, prepared):
        table, labels = self.read(prepared), prepared.rows.labels
        ready, split = prepared.rows.ready, prepared.split
        train, judged = ready[split.train], ready[getattr(split, self.chosen_on)]
        x, y = table[train], labels[train]
        gram = x.T @ x
        fits = [np.linalg.solve(gram + p * np.eye(len(gram)), x.T @ y) for p in PENALTIES]
        losses = np.array([np.mean((labels[judged] - table[judged] @ w) ** 2) for w in fits])
        best = fits[int(np.argmin(losses))]
        units = prepared.rows.units[ready]
        mean, scale = table[ready] @ best, float(np.std(y))
        prediction = Prediction.student_t("ridge", mean * units, scale * units, 6, 0.02)
        return Learnt(losses, {"coefficients": best}, prediction)

    def read(self, prepared):
        """(rows, features + 1): what a forecast of each row is made from."""
        table = prepared.train.table.astype(np.float64)
        return np.concatenate([table, np.ones((len(table), 1))], axis=1)


# --- planted leaks -------------------------------------------------------------------------------


class ScalerOnAllRows:
    """The scaler is fitted before the split."""

    def prepare(self, bars, table):
        prepared = super().prepare(bars, table)
        rows = prepared.rows
        whole = np.isfinite(rows.features).all(axis=1)
        scaler = fit_scaler(rows.features[whole], self.feature_set.names, rows.times[whole])
        scaled = scaler.transform(rows.features).astype(np.float32)
        samples = Samples(scaled, rows.ready, rows.labels[rows.ready].astype(np.float32), STEPS)
        parts = {
            name: samples.select(getattr(prepared.split, name))
            for name in ("train", "validation", "test")
        }
        return replace(prepared, scaler=scaler, **parts)


@dataclass(frozen=True)
class Unpurged(Holdout):
    """A split by decision time alone: labels reach into the next part."""

    def split(self, starts, ends):
        split = super().split(starts, ends)
        positions = np.arange(len(starts))
        train = positions[starts < split.validation_start]
        validation = positions[(starts >= split.validation_start) & (starts < split.test_start)]
        return HoldoutSplit(
            train, validation, split.test, positions[:0], split.validation_start, split.test_start
        )


def next_return(bars, windowed):
    moves = np.log(bars.close[..., 1:] / bars.close[..., :-1])
    return np.concatenate([moves, np.zeros_like(bars.close[..., :1])], axis=-1)


PEEKING = FeatureSet(
    "peeking", 1, (*TECHNICAL_1.features, Feature("next_return", 1, "", "", "", next_return))
)


class StoppedOnTest:
    """The network's best epoch, or the ridge's penalty, is chosen on the test part."""

    chosen_on = "test"

    def train(self, network, prepared):
        return fit(network, prepared.train, prepared.test, self.config)


class PastLabels:
    """The label is the return that led to the bar, shifted by one bar the wrong way."""

    def prepare(self, bars, table):
        prepared = super().prepare(bars, table)
        rows = prepared.rows
        past = np.zeros(len(rows.labels))
        past[1:] = np.log(rows.close[1:] / rows.close[:-1])
        labels = past / rows.units
        parts = {}
        for name in ("train", "validation", "test"):
            part = getattr(prepared, name)
            parts[name] = replace(part, labels=labels[part.last_rows].astype(np.float32))
        return replace(prepared, rows=replace(rows, labels=labels), **parts)


class PastTrainingLabels(PastLabels):
    """The same, but judged by true outcomes."""

    def prepare(self, bars, table):
        true = TrainingPipeline.prepare(self, bars, table).rows
        return replace(super().prepare(bars, table), rows=true)


class LateWindow:
    """A forecast is made from the row after its moment."""

    def read(self, prepared):
        table = super().read(prepared)
        return np.concatenate([table[1:], table[-1:]])


class AveragedFeatures:
    """Features less their average over the whole history."""

    def features(self, bars):
        keyed = super().features(bars)
        return replace(keyed, values=keyed.values - np.nanmean(keyed.values, axis=0))


class Restless(Ridge):
    """Not repeatable: its weights are drawn anew."""

    draws = 0

    def learn(self, prepared):
        Restless.draws += 1
        learnt = super().learn(prepared)
        return replace(learnt, weights={"coefficients": np.array([float(Restless.draws)])})


def planted(leak, base):
    """A pipeline class with one leak."""
    return type(f"{leak.__name__}{base.__name__}", (leak, base), {})
