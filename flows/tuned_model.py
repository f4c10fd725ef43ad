"""The tuned model beside the default one: each trained, and judged together on the test span."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NAME

from flows.command_line import given
from flows.export import Published, publish
from flows.foretold import foretold
from flows.train import train_network
from flows.training import Training, load, parameters, record
from ordinis_mlflow.evaluation import Report, overfitting, report, span_of
from ordinis_mlflow.network import Checkpoint
from ordinis_mlflow.params import Configuration
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.prepare import Prepared
from ordinis_mlflow.tracking import (
    Judged,
    baseline_metrics,
    count_trials,
    declare,
    log_report,
    report_metrics,
)
from ordinis_mlflow.tracking.trials import TRIAL

TUNED, DEFAULT = "tuned", "default"


@dataclass(frozen=True, eq=False)
class Trained:
    """A finished training.

    Attributes:
        name: tuned or default.
        run_id: of its run.
        training: what it was made from.
        checkpoint: its last state.
    """

    name: str
    run_id: str
    training: Training
    checkpoint: Checkpoint

    def prediction(self, prepared: Prepared) -> Prediction:
        """What it says of ``prepared.test``."""
        recalibrated = self.training.options.recalibrate
        network, forecast = self.checkpoint.best_network(), self.training.forecast
        signal = foretold(forecast, prepared, network, recalibrated)
        return Prediction.of_signal(self.name, signal, forecast.degrees_of_freedom)


def train_both(
    default: Training, configuration: Configuration, epochs: int
) -> tuple[Trained, Trained]:
    """The tuned and the default model, as ``train`` trains, each in a child run.

    Args:
        default: what is trained without a tuning.
        configuration: of the best trial.
        epochs: of a trial, at most: a learning rate that is the best for ten overfits in thirty.
    """
    config = replace(default.config, epochs=epochs, **configuration)  # type: ignore[arg-type]
    tuned = load(default.options, config)
    return _trained(TUNED, tuned), _trained(DEFAULT, default)


def judge_once(
    tuned: Trained, default: Trained, samples: int
) -> tuple[Report, Mapping[str, float]]:
    """Both on the test rows that both have, and what is left of the Sharpe ratio after counting.

    A longer sequence has fewer decisions, so that its test span, a share of them, begins later.

    Args:
        tuned: whose numbers are reported.
        default: less which.
        samples: of the bootstrap.

    Returns:
        The report with ``default`` as its baseline, and the metrics of overfitting; both logged to
        the active run.
    """
    mine, others = _common(tuned.training.prepared, default.training.prepared)
    options, forecast = tuned.training.options, tuned.training.forecast
    span = span_of(mine.rows, mine.split.test, forecast.horizon, options.cost_bps)
    attempt = declare(span, tuned.run_id)
    _declare_apart(default.run_id, attempt)
    said = tuned.prediction(mine), (default.prediction(others),)
    made = report(span, *said, samples, tuned.training.config.seed)
    metrics = report_metrics(made)
    mlflow.log_metrics({f"test/{name}": value for name, value in metrics.items()})
    mlflow.log_metrics({f"test_{name}": value for name, value in baseline_metrics(made).items()})
    log_report(made)
    _log_apart(tuned.run_id, made.model.metrics)
    _log_apart(default.run_id, made.baselines[0].metrics)
    luck = overfitting(made.model, count_trials(attempt))
    mlflow.log_metrics({f"test/{name}": value for name, value in luck.items()})
    return made, luck


def publish_tuned(tuned: Trained, register: str, alias: str) -> Published | None:
    """Package and register the tuned model by its own run, if a name is given."""
    if not given(register):
        return None
    options = replace(tuned.training.options, register=register, alias=alias)
    training = replace(tuned.training, options=options)
    with mlflow.start_run(run_id=tuned.run_id, nested=True):
        return publish(training, tuned.checkpoint, tuned.run_id)


def summary(made: Report, luck: Mapping[str, float], configuration: Configuration) -> str:
    """What tuning has brought, for the screen."""
    dates, (default,) = made.span.dates, made.baselines
    lines = [
        f"tuned: {dict(configuration)}",
        f"judged once on {str(dates[0])[:10]} to {str(dates[-1])[:10]}, {len(made.span)} rows "
        "that no trial saw: tuned, default, difference with 95 % interval",
    ]
    for name in ("log_score_nats", "sharpe_annual", "qlike", "rank_ic"):
        ours, theirs = made.model.metrics[name], default.metrics[name]
        line = f"  {name:15} {ours:+.4f}  {theirs:+.4f}"
        found = [each for each in made.differences if each.metric == name]
        for each in found:
            low, high = each.interval.low, each.interval.high
            line += f"  {each.value:+.4f} [{low:+.4f}, {high:+.4f}]"
        lines.append(line)
    deflated = luck.get("deflated_sharpe_share")
    count = int(luck["trials_count"])
    told = "it never traded" if deflated is None else f"{deflated:.3f}"
    lines.append(f"  deflated Sharpe ratio, {count} attempts at this span counted: {told}")
    return "\n".join(lines)


def _trained(name: str, training: Training) -> Trained:
    settings = {**parameters(training.options, training.config)}
    tags = {MLFLOW_RUN_NAME: name, "ordinis.entry_point": "tune"}
    with mlflow.start_run(nested=True, tags=tags) as run_:
        mlflow.log_params(settings)
        record(training)
        state = train_network(training, None)
        return Trained(name, run_.info.run_id, training, training.checkpoint(state))


def _common(one: Prepared, other: Prepared) -> tuple[Prepared, Prepared]:
    """Both with the test rows that both have."""
    at, others = (each.rows.ready[each.split.test] for each in (one, other))
    both = np.intersect1d(at, others)
    return _narrowed(one, both), _narrowed(other, both)


def _narrowed(prepared: Prepared, rows: np.ndarray) -> Prepared:
    kept = np.flatnonzero(np.isin(prepared.rows.ready[prepared.split.test], rows))
    split = replace(prepared.split, test=prepared.split.test[kept])
    return replace(prepared, split=split, test=prepared.test.select(kept))


def _declare_apart(run_id: str, attempt: Judged) -> None:
    """Tag a run that is not the active one as an attempt of its own."""
    client = MlflowClient()
    for name, value in {**attempt.tags(), TRIAL: run_id}.items():
        client.set_tag(run_id, name, value)


def _log_apart(run_id: str, metrics: Mapping[str, float]) -> None:
    client = MlflowClient()
    for name, value in metrics.items():
        client.log_metric(run_id, f"test/{name}", value)
