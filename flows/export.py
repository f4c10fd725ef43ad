"""Export: a trained checkpoint to a packaged model, judged on the test span and registered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import mlflow
import numpy as np
from mlflow import MlflowClient

from flows.command_line import NONE, given, parse, run
from flows.packaging import CPU, BarWindows, build_package
from flows.training import (
    Training,
    load,
    parameters,
    record,
    recorded_settings,
    resumable,
)
from ordinis_mlflow import flavor
from ordinis_mlflow.baselines import ALL
from ordinis_mlflow.errors import CheckpointError, InvalidConfig
from ordinis_mlflow.evaluation import Report, TestSpan, overfitting, report, span_of
from ordinis_mlflow.graph.session import GraphSession
from ordinis_mlflow.network import Checkpoint
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.signal import Signal
from ordinis_mlflow.tracking import (
    baseline_metrics,
    count_trials,
    declare,
    log_report,
    report_metrics,
    tracked_run,
)
from ordinis_mlflow.tracking.figures import loss_curve


@dataclass(frozen=True)
class ExportOptions:
    """Parameters of the entry point ``export``.

    Attributes:
        run_id: the training run whose checkpoint is packaged.
        int8: keep an INT8 graph if it agrees with float32.
        fp16: keep an FP16 graph if it agrees with float32.
        register: name in the model registry.
        alias: given to the registered version.
    """

    run_id: str = NONE
    int8: bool = True
    fp16: bool = False
    register: str = NONE
    alias: str = NONE


@dataclass(frozen=True, eq=False)
class Published:
    """A model that was logged, with what it is worth.

    Attributes:
        training: what it was made from.
        run_id: of the run that logged it.
        model_uri: of the logged model.
        version: in the registry; None if it was not registered.
        report: on the test span, the model beside the baselines.
    """

    training: Training
    run_id: str
    model_uri: str
    version: str | None
    report: Report


def main(arguments: Sequence[str]) -> None:
    """The entry point ``export``."""
    (asked,) = parse(arguments, ExportOptions)
    if not given(asked.run_id):
        raise InvalidConfig("export needs the training run whose checkpoint it packages: run_id")
    options, config = recorded_settings(asked.run_id)
    wanted = replace(
        options, int8=asked.int8, fp16=asked.fp16, register=asked.register, alias=asked.alias
    )
    training = load(wanted, config)
    checkpoint = resumable(asked.run_id, training)
    if checkpoint is None:
        raise CheckpointError(f"run {asked.run_id} has no checkpoint: it ended before an epoch did")
    settings = parameters(training.options, training.config)
    with tracked_run(settings, {"ordinis.exported_from": asked.run_id}, apart=True):
        record(training)
        publish(training, checkpoint, asked.run_id)


def publish(training: Training, checkpoint: Checkpoint, trained: str) -> Published:
    """Package the best weights, judge them on the test span, log and register the model.

    Args:
        training: what the checkpoint belongs to.
        checkpoint: of which the best weights are taken.
        trained: the run that trained it.
    """
    windows = BarWindows(training)
    package = build_package(training, checkpoint, windows)
    prepared, forecast = training.prepared, training.forecast
    test = prepared.split.test
    span = span_of(prepared.rows, test, forecast.horizon, training.options.cost_bps)
    # The one time that the test span is read.
    signal = windows.signal(GraphSession(package.graphs["float32"], CPU), prepared.rows.ready[test])
    judged = judge(training, signal, span, trained)
    mlflow.log_figure(loss_curve(checkpoint.state.epochs), "figures/loss.png")
    info = flavor.log_model(package, registered_model_name=given(training.options.register))
    version = info.registered_model_version
    alias = given(training.options.alias)
    if alias:
        MlflowClient().set_registered_model_alias(training.options.register, alias, str(version))
    named = str(version) if version else None
    return Published(training, info.run_id, info.model_uri, named, judged)


def judge(training: Training, signal: Signal, span: TestSpan, trained: str) -> Report:
    """Test numbers of the model and of all baselines, logged under stable names."""
    prepared, forecast = training.prepared, training.forecast
    attempt = declare(span, trained)
    said = Prediction.of_signal("model", signal, forecast.degrees_of_freedom)
    # Everything that was known when the model was done.
    known = np.flatnonzero(prepared.rows.ends[prepared.rows.ready] < prepared.split.test_start)
    others = [each.predict(prepared.rows, known, prepared.split.test, forecast) for each in ALL]
    made = report(span, said, others, seed=training.config.seed)
    metrics = report_metrics(made)
    mlflow.log_metrics({f"test/{name}": value for name, value in metrics.items()})
    mlflow.log_metrics({f"test_{name}": value for name, value in baseline_metrics(made).items()})
    log_report(made)
    luck = overfitting(made.model, count_trials(attempt))
    mlflow.log_metrics({f"test/{name}": value for name, value in luck.items()})
    return made


if __name__ == "__main__":
    run(main)
