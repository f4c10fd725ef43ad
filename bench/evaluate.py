"""Evaluation: what all scores with their intervals cost, and how many cores a walk forward uses.

- Scores: every forecast, trading and overfitting score of a model on 5,000 rows with 1,000
  bootstrap samples, over arch's stationary bootstrap of one mean, in turn.
- Walk: 200 monthly refits of a small network on the S&P 500, one process a core; processor time of
  all processes over wall time, from the first line of the flow to its last.
"""

import os
import resource
import tempfile
import time
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from arch.bootstrap import StationaryBootstrap

from bench.measure import Row, json_path, paired, report, spread
from ordinis_mlflow.evaluation import TestSpan, Trials, overfitting
from ordinis_mlflow.evaluation import report as judged
from ordinis_mlflow.prediction import Prediction

ROWS, SAMPLES, ROUNDS = 5_000, 1_000, 15
WINDOWS = 200
BEGIN = "2002-05-01T00:00:00Z"


def main() -> None:
    path = json_path(__doc__)
    report("Evaluation", [scores(), cores()], path)


def scores() -> Row:
    span, model, trials = example()
    made = judged(span, model, samples=SAMPLES)
    mean = StationaryBootstrap(made.block_length, made.model.log_scores, seed=0)

    def ours() -> None:
        overfitting(judged(span, model, samples=SAMPLES).model, trials)

    pair = paired(ours, lambda: mean.apply(np.mean, SAMPLES), rounds=ROUNDS, calls=1)
    count = len(made.model.metrics) + len(overfitting(made.model, trials))
    return Row(
        "evaluate.over_arch_mean",
        "all scores / arch's bootstrap of one mean",
        pair.ratio,
        3.0,
        True,
        f"{count} scores, {len(made.intervals)} with an interval, of {ROWS} rows, {SAMPLES} "
        f"samples: {spread(pair, 1e3, 'ms')}",
    )


def example() -> tuple[TestSpan, Prediction, Trials]:
    """One symbol, Student-t returns, a forecast that knows a little; ten trials."""
    rng = np.random.default_rng(0)
    units = 0.01 * (1.5 + np.sin(np.arange(ROWS) / 40.0))
    z = 0.8 * rng.standard_t(6, ROWS)
    times = np.datetime64("2000-01-03", "ns") + np.arange(ROWS) * np.timedelta64(1, "D")
    returns = units * z
    symbols = np.full(ROWS, "AAA")
    span = TestSpan(symbols, times, returns, units, np.expm1(returns), 1, 1.0)
    location = (0.05 * z + 0.1 * rng.normal(size=ROWS)) * units
    model = Prediction.student_t("model", location, 0.8 * units, 6.0, 0.02)
    tried = pd.DataFrame(0.01 * rng.normal(size=(ROWS, 10)))
    return span, model, Trials(10, rng.normal(size=10), tried)


def cores() -> Row:
    from flows.options import TrainOptions
    from flows.walkforward import WalkOptions, walk_forward
    from ordinis_mlflow.network import LSTMConfig

    with tempfile.TemporaryDirectory() as folder:
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.create_experiment("bench", (Path(folder) / "artifacts").as_uri())
        mlflow.set_experiment("bench")
        os.environ["ORDINIS_STORE"] = f"{folder}/store"
        config = LSTMConfig(hidden_dim=16, num_layers=1, sequence_length=20, epochs=2)
        processor, wall = _processor_seconds(), time.perf_counter()
        made = walk_forward(TrainOptions(), config, WalkOptions(begin=BEGIN))
        wall = time.perf_counter() - wall
        processor = _processor_seconds() - processor
        (parent,) = mlflow.search_runs(
            filter_string="tags.`ordinis.entry_point` = 'walkforward'", output_format="list"
        )
        windows = int(parent.data.metrics["walk/windows"])
    assert windows >= WINDOWS
    return Row(
        "walkforward.cores_used",
        "processor time / wall time of a walk",
        processor / wall,
        1.7,
        False,
        f"{windows} windows, {len(made.span)} rows tested, {os.cpu_count()} cores, {wall:.0f} s",
    )


def _processor_seconds() -> float:
    """Of this process and of those of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    main()
