"""Walk forward: refit and test through time, a child run a window, then all windows as one test.

What is fitted at a refit (scaler, network, recalibration, baselines) reads only what was known
then. A walk that was killed goes on with ``-P resume=<run id>``: what is finished is not run again.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass, replace

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID
from tqdm import tqdm

from flows.command_line import given, parse, run
from flows.options import TrainOptions
from flows.pool import loaded, training_pool
from flows.resumed_run import refuse_register, resumed_run
from flows.training import Training, load, record, settings_of
from flows.walked import joined, log_walk, summary
from flows.window import WINDOW, Walked, read_window, walk_window
from ordinis_mlflow.bars import instant
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.evaluation import Report, overfitting, report, span_of
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.splits import HoldoutSplit, WalkForward, Window, stopped_by
from ordinis_mlflow.tracking import count_trials, declare


@dataclass(frozen=True)
class WalkOptions:
    """Parameters of the entry point ``walkforward``, besides those of ``train``.

    Attributes:
        begin: the first refit, a time; what comes from then on is tested.
        refit_months: from one refit to the next.
        train_years: length of a rolling training window; 0 to train on everything before.
        workers: processes; 0 for one a core.
        samples: of the bootstrap.
    """

    begin: str = "2007-01-01T00:00:00Z"
    refit_months: int = 1
    train_years: int = 0
    workers: int = 0
    samples: int = 1000

    def __post_init__(self) -> None:
        instant(self.begin, "begin")
        if self.refit_months < 1 or self.train_years < 0 or self.workers < 0:
            raise InvalidConfig(
                "refit_months must be 1 or more, train_years and workers 0 or more, got "
                f"{self.refit_months}, {self.train_years}, {self.workers}"
            )


@dataclass(frozen=True, eq=False)
class Step:
    """A window with the samples that it reads."""

    window: Window
    split: HoldoutSplit


def main(arguments: Sequence[str]) -> None:
    """The entry point ``walkforward``."""
    options, config, walk = parse(arguments, TrainOptions, LSTMConfig, WalkOptions)
    walk_forward(options, config, walk)


def walk_forward(options: TrainOptions, config: LSTMConfig, walk: WalkOptions) -> Report:
    """All windows, and what they are worth together."""
    refuse_register(options, "a walk")
    resumed = given(options.resume)
    if resumed:
        options, config = settings_of(resumed, options, config)
    training = load(options, config)
    steps = steps_of(training, walk)
    parameters = {**asdict(training.options), **asdict(config), **asdict(walk)}
    with resumed_run(parameters, "walkforward", resumed) as run_id:
        return _walk(training, steps, walk, run_id)


def steps_of(training: Training, walk: WalkOptions) -> tuple[Step, ...]:
    """Every window of the walk, oldest first.

    Raises:
        InvalidConfig: no training rows before the first refit, or none to test after it.
    """
    rows = training.prepared.rows
    starts, ends = rows.times[rows.ready], rows.ends[rows.ready]
    begin = pd.Timestamp(instant(walk.begin, "begin")).tz_localize(None)
    if not starts.min() < begin.to_datetime64() <= starts.max():
        raise InvalidConfig(
            f"begin must lie within the decisions, {starts.min()} to {starts.max()}, got "
            f"{walk.begin}: training needs what is before it, the test what is after"
        )
    oldest = begin - pd.DateOffset(years=walk.train_years) if walk.train_years else pd.Timestamp.min
    used = np.flatnonzero(starts >= oldest.to_datetime64())
    starts, ends = starts[used], ends[used]
    splitter = WalkForward(
        train=begin - pd.Timestamp(starts.min()),
        test=pd.DateOffset(months=walk.refit_months),
        expanding=not walk.train_years,
    )
    share = training.options.validation
    return tuple(
        Step(window, _of_all(stopped_by(pair, starts, ends, share), used))
        for window, pair in zip(splitter.windows(starts), splitter.split(starts, ends), strict=True)
    )


def _of_all(split: HoldoutSplit, used: np.ndarray) -> HoldoutSplit:
    """Positions among the used samples to positions among all."""
    names = ("train", "validation", "test", "purged")
    return replace(split, **{name: used[getattr(split, name)] for name in names})


def _walk(training: Training, steps: Sequence[Step], walk: WalkOptions, parent: str) -> Report:
    """In the active run, which is the parent of the windows'."""
    record(training)
    index = np.concatenate([step.split.test for step in steps])
    rows, horizon = training.prepared.rows, training.forecast.horizon
    span = span_of(rows, index, horizon, training.options.cost_bps)
    attempt = declare(span, parent)
    done = dict(finished(parent))
    missing = [step for step in steps if step.window.refit not in done]
    for step, run_id in run_windows(training, missing, walk.workers, parent):
        done[step.window.refit] = read_window(mlflow.get_run(run_id))
    walked = [done[step.window.refit] for step in steps]
    made = report(span, *joined(walked, index), walk.samples, training.config.seed)
    log_walk(made, walked)
    luck = overfitting(made.model, count_trials(attempt))
    mlflow.log_metrics({f"walk/{name}": value for name, value in luck.items()})
    print(summary(made, walked))
    return made


def finished(parent: str) -> Iterator[tuple[np.datetime64, Walked]]:
    """The windows of a walk that are done; those that were killed are said to be."""
    client = MlflowClient()
    experiment = client.get_run(parent).info.experiment_id
    wanted = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}'"
    for child in mlflow.search_runs([experiment], wanted, output_format="list"):
        if WINDOW in child.data.tags:
            yield from _finished(client, child)


def _finished(client: MlflowClient, child: Run) -> Iterator[tuple[np.datetime64, Walked]]:
    if child.info.status == "FINISHED":
        walked = read_window(child)
        yield walked.refit, walked
    elif child.info.status == "RUNNING":
        client.set_terminated(child.info.run_id, "KILLED")


def run_windows(
    training: Training, steps: Sequence[Step], workers: int, parent: str
) -> Iterator[tuple[Step, str]]:
    """Fit windows side by side, one process each at a time; each as it is done.

    The first error ends the walk: what is finished stays finished.
    """
    if not steps:
        return
    count = min(workers or os.cpu_count() or 1, len(steps))
    with training_pool(training, count) as pool:
        # The longest first: at the end, no process waits for another's long window.
        futures = {
            pool.submit(_run_window, step.split, step.window, parent): step
            for step in sorted(steps, key=lambda step: -len(step.split.train))
        }
        for future in tqdm(as_completed(futures), total=len(steps), unit="window", desc="walk"):
            yield futures[future], future.result()


def _run_window(split: HoldoutSplit, window: Window, parent: str) -> str:
    return walk_window(loaded(), split, window, parent)


if __name__ == "__main__":
    run(main)
