"""Tuning: what the framework costs a trial, and what a second worker is worth.

- Overhead: trials as the entry point ``tune`` measures them (declared space, study in SQLite that
  other workers may share, heartbeat, a child run in MLflow with parameters and scores by fold) over
  a loop of Optuna alone with the same sampler, database settings, objective and reports. In turn, a
  trial each: folds of the S&P 500 and a small network whose cost does not depend on what is tuned.
- The same with an objective that costs nothing: milliseconds a trial.
- Workers: trials a second of two processes over those of one, between the end of the fourth trial
  and the start of the last one, while all have something to do: what processes need to start is not
  counted, nor that one of two waits for the other in the end.
"""

import os
import sqlite3
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import mlflow
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage

from bench.measure import Pair, Row, json_path, paired, report, spread
from flows.options import TrainOptions
from flows.training import Training, load
from flows.tune import TuneOptions, job_of
from flows.tune_workers import work_together
from flows.tuned_folds import folds_of
from flows.tuned_objective import FoldObjective, Scored
from flows.tuned_study import Job, Measurement
from flows.tuned_trial import MeasureFolds, TrackedObjective
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.params import Configuration, FloatParam, Space
from ordinis_mlflow.tuning import METHODS, Report, Study

ROUNDS, FREE_ROUNDS = 15, 60
WORKER_ROUNDS, WORKER_TRIALS, FIRST_END = 2, 20, 3
CONFIG = LSTMConfig(hidden_dim=32, num_layers=1, sequence_length=30, patience=10)
MEASUREMENT = Measurement(pruner="none", folds=2, trial_epochs=10)
SPACE = Space.of(
    LSTMConfig,
    (
        FloatParam("learning_rate", 1e-4, 1e-2, log=True),
        FloatParam("weight_decay", 1e-4, 1e-1, log=True),
        FloatParam("gradient_norm", 0.1, 10.0, log=True),
    ),
)


def free(configuration: Configuration, report: Report) -> Scored:
    """An objective that costs nothing."""
    fold = {"log_score_nats": float(configuration["learning_rate"])}
    return Scored((fold, fold), pruned=False)


def main() -> None:
    path = json_path(__doc__)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", ExperimentalWarning)
    with _places() as folder, mlflow.start_run() as run:
        training = load(TrainOptions(), CONFIG)
        made = _job(training, folder, run)
        report("Tuning", [*overhead(training, made, folder), two_workers(made)], path)


def overhead(training: Training, job: Job, folder: Path) -> Iterator[Row]:
    options, embargo = job.options, MEASUREMENT.embargo_time()
    folds = folds_of(training.data, job.border, options, CONFIG, SPACE, MEASUREMENT.folds, embargo)
    epochs, objectives = MEASUREMENT.trial_epochs, MEASUREMENT.named()
    real = FoldObjective(folds, options, CONFIG, epochs, objectives)
    pair = _pair(real, _named(job, "real"), folder, ROUNDS)
    what, detail = "a trial, ours / Optuna alone", f"{spread(pair, 1e3, 'ms')}, {ROUNDS} rounds"
    yield Row("tune.overhead", what, pair.ratio, 1.05, True, detail)
    costless = _pair(free, _named(job, "free"), folder, FREE_ROUNDS)
    yield Row(
        "tune.milliseconds",
        "ms a trial above Optuna alone",
        1e3 * (costless.first - costless.second),
        None,
        True,
        f"an objective that costs nothing: {spread(costless, 1e3, 'ms')}, {FREE_ROUNDS} rounds",
    )


def _pair(objective: MeasureFolds, job: Job, folder: Path, rounds: int) -> Pair:
    """A trial of ours, one of Optuna's."""
    tracked = TrackedObjective(objective, MEASUREMENT.named(), job.sheet)
    bare = _bare_study(folder / f"{job.sheet.study}.bare.db")
    with job.open() as study:
        ours = partial(_one_more, study, tracked)
        return paired(ours, lambda: bare.optimize(_of(objective), 1), rounds, 1)


def _one_more(study: Study, tracked: TrackedObjective) -> None:
    """What ``run_trials`` does of a trial."""
    suggestion = study.suggest()
    assert suggestion is not None
    study.observe(suggestion, tracked(suggestion, partial(study.report, suggestion)))


def _bare_study(path: Path) -> optuna.Study:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    return optuna.create_study(
        storage=RDBStorage(f"sqlite:///{path}", engine_kwargs={"creator": connect}),
        sampler=METHODS["tpe"].sampler(0),
        pruner=optuna.pruners.NopPruner(),
        direction="maximize",
    )


def _of(objective: MeasureFolds) -> Callable[[optuna.Trial], float]:
    """The objective as Optuna asks for it."""

    def measure(trial: optuna.Trial) -> float:
        values = {
            "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
            "weight_decay": trial.suggest_float("weight_decay", 1e-4, 1e-1, log=True),
            "gradient_norm": trial.suggest_float("gradient_norm", 0.1, 10.0, log=True),
        }

        def tell(step: int, value: float) -> bool:
            trial.report(value, step)
            return trial.should_prune()

        return objective(Configuration(values), tell).mean("log_score_nats")

    return measure


def two_workers(job: Job) -> Row:
    rates = [
        [_rate(_named(job, f"workers-{count}-{round_}"), count) for count in (1, 2)]
        for round_ in range(WORKER_ROUNDS)
    ]
    ratios = sorted(two / one for one, two in rates)
    one, two = (sum(column) / WORKER_ROUNDS for column in zip(*rates, strict=True))
    detail = f"{one:.3g} and {two:.3g} trials/s, ratios {ratios[0]:.2f} to {ratios[-1]:.2f}"
    what = f"trials/s, 2 workers / 1, {os.cpu_count()} cores"
    return Row("tune.two_workers", what, two / one, 1.7, False, detail)


def _rate(job: Job, count: int) -> float:
    """Trials a second."""
    work_together(replace(job, trials=WORKER_TRIALS), count, lambda: None)
    with job.open() as study:
        trials = study.trials()
    times = [
        (each.started.timestamp(), each.started.timestamp() + each.seconds)
        for each in trials
        if each.started is not None and each.seconds is not None
    ]
    last_start = max(start for start, _ in times)
    ends = sorted(end for _, end in times if end <= last_start)
    return (len(ends) - 1 - FIRST_END) / (ends[-1] - ends[FIRST_END])


def _named(job: Job, study: str) -> Job:
    return replace(job, sheet=replace(job.sheet, study=study))


def _job(training: Training, folder: Path, run: mlflow.ActiveRun) -> Job:
    space = folder / "space.json"
    space.write_text(SPACE.to_json())
    job = job_of(training, MEASUREMENT, TuneOptions(space=str(space)))
    info = run.info
    sheet = replace(job.sheet, experiment_id=info.experiment_id, parent=info.run_id)
    return replace(job, sheet=sheet)


@contextmanager
def _places() -> Iterator[Path]:
    """A tracking database and a store of the benchmark's own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.create_experiment("bench", (folder / "artifacts").as_uri())
        mlflow.set_experiment("bench")
        os.environ["ORDINIS_STORE"] = f"{folder}/store"
        yield folder


if __name__ == "__main__":
    main()
