"""The objective of a trial: what a configuration is worth out of sample, fold by fold.

Equal configurations have equal values, on every worker and in every retry: weights, batches and
dropout follow from the training's seed, and not from the trial's number.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from flows.foretold import foretold
from flows.options import TrainOptions
from flows.tuned_folds import Folds
from ordinis_mlflow.errors import InvalidConfig, ObjectiveNotFinite
from ordinis_mlflow.evaluation import judge
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.network import LSTMConfig, SignalLSTM, TrainingState, fit
from ordinis_mlflow.params import Configuration
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.scoring.forecast import log_score_nats
from ordinis_mlflow.tuning import Objective, Report

METRICS: Mapping[str, str] = {
    "log_score": "log_score_nats",
    "sharpe": "sharpe_annual",  # after costs
    "ic": "ic",
}
"""Objectives, by the metric of the evaluation that each is; more is better of all."""
KEPT = (*METRICS.values(), "qlike", "turnover_per_bar")
"""What is kept of each fold, whatever the objective."""


@dataclass(frozen=True)
class Scored:
    """What came of a trial.

    Attributes:
        folds: the metrics of each fold that was finished, by name.
        pruned: whether it was stopped before the last one.
    """

    folds: tuple[Mapping[str, float], ...]
    pruned: bool

    def mean(self, metric: str) -> float:
        """Over the folds that were finished."""
        return fmean(fold[metric] for fold in self.folds)


def objectives_named(names: str) -> tuple[Objective, ...]:
    """The objectives, by their names with commas between them.

    Raises:
        InvalidConfig: one is not known, comes twice, or there is none.
    """
    asked = names.split(",")
    if not set(asked) <= METRICS.keys() or len(set(asked)) < len(asked):
        raise InvalidConfig(
            f"objectives must be one or more of {list(METRICS)}, each once and with commas "
            f"between them, got {names!r}"
        )
    return tuple(Objective(name) for name in asked)


@dataclass(frozen=True, eq=False)
class FoldObjective:
    """Trains on each fold what a configuration says, and judges it there.

    Reports, where there is one objective: after each fold the mean of the objective so far; and of
    the log score, after each epoch as well, with what the validation rows say of the fold that is
    trained. A log score is reported less that of a forecast of nothing but current volatility
    (location 0, scale 1), so that calm and wild folds are on one scale.

    Attributes:
        folds: of the rows before the test span.
        options: of the training.
        config: of the network, where a configuration says nothing.
        epochs: at most, of each fold.
        objectives: what is asked for.
    """

    folds: Folds
    options: TrainOptions
    config: LSTMConfig
    epochs: int
    objectives: tuple[Objective, ...]

    def __call__(self, configuration: Configuration, report: Report) -> Scored:
        """Measure.

        Raises:
            TrainingDiverged: the validation loss is not finite.
            ObjectiveNotFinite: an objective is not.
        """
        config = replace(self.config, **configuration, epochs=self.epochs)  # type: ignore[arg-type]
        steps = _Steps(self, report)
        done: list[Mapping[str, float]] = []
        for number in range(len(self.folds)):
            try:
                done.append(self._fold(number, config, steps))
            except _StopTrial:
                return Scored(tuple(done), pruned=True)
            if steps.after_fold(number, done) and number + 1 < len(self.folds):
                return Scored(tuple(done), pruned=True)
        return Scored(tuple(done), pruned=False)

    def _fold(self, number: int, config: LSTMConfig, steps: "_Steps") -> Mapping[str, float]:
        """The metrics of one fold."""
        prepared = self.folds.samples(number, config.sequence_length)
        network = SignalLSTM.untrained(prepared.train.table.shape[1], config)
        base = _unit_log_score(prepared.validation.labels, config.degrees_of_freedom)
        on_epoch = steps.after_epoch(number, base)
        fit(network, prepared.train, prepared.validation, config, on_epoch=on_epoch)
        freedom = config.degrees_of_freedom
        forecast = Forecast(self.options.horizon, freedom, self.options.no_trade_band)
        signal = foretold(forecast, prepared, network, self.options.recalibrate)
        span = self.folds.spans[number]
        judged = judge(span, Prediction.of_signal("model", signal, freedom))
        metrics = {name: judged.metrics[name] for name in KEPT}
        steps.skills.append(
            metrics["log_score_nats"] - _unit_log_score(span.realised / span.units, freedom)
        )
        self._refuse_not_finite(number, metrics)
        return metrics

    def _refuse_not_finite(self, number: int, metrics: Mapping[str, float]) -> None:
        for objective in self.objectives:
            value = metrics[METRICS[objective.name]]
            if not np.isfinite(value):
                raise ObjectiveNotFinite(f"{objective.name} of fold {number} is {value}")


class _StopTrial(Exception):
    """The study said after an epoch that the trial is not worth going on."""


class _Steps:
    """Numbers the reports of one trial: each fold has a step for each epoch, and one after them."""

    def __init__(self, objective: FoldObjective, report: Report) -> None:
        self.skills: list[float] = []
        self._report, self._epochs = report, objective.epochs
        names = [each.name for each in objective.objectives]
        self._metric = METRICS[names[0]] if len(names) == 1 else None

    def after_epoch(self, fold: int, base: float) -> Callable[[TrainingState], None]:
        """What ``fit`` calls in this fold; base is the log score of the unit forecast there."""

        def stop_or_go_on(state: TrainingState) -> None:
            if self._metric != METRICS["log_score"] or state.best is None:
                return
            skill = -state.best.validation_loss - base
            step = fold * (self._epochs + 1) + len(state.epochs) - 1
            if self._report(step, fmean([*self.skills, skill])):
                raise _StopTrial

        return stop_or_go_on

    def after_fold(self, fold: int, done: list[Mapping[str, float]]) -> bool:
        """Whether to stop."""
        if self._metric is None:
            return False
        of_log_score = self._metric == METRICS["log_score"]
        values = self.skills if of_log_score else [each[self._metric] for each in done]
        return self._report(fold * (self._epochs + 1) + self._epochs, fmean(values))


def _unit_log_score(labels: np.ndarray, degrees_of_freedom: int) -> float:
    """Mean, of a forecast of location 0 and scale 1 in units of volatility."""
    zeros = np.zeros(len(labels))
    scores = log_score_nats(labels.astype(np.float64), zeros, zeros + 1.0, degrees_of_freedom)
    return float(scores.mean())
