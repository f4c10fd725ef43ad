"""A walk: windows that know the past alone, child runs, resumption after a kill."""

import re
import time
from dataclasses import replace

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from own_store import words
from warm import alive_beside, started

from flows import walkforward
from flows.options import TrainOptions
from flows.training import load
from flows.walkforward import WalkOptions, steps_of, walk_forward
from flows.window import MODEL, WINDOW, _fitted, _said, read_window
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.network import LSTMConfig

pytestmark = pytest.mark.usefixtures("warm_workers")
WALK = WalkOptions(begin="2020-12-01T00:00:00Z", refit_months=1, workers=2, samples=100)
BASELINES = (
    "zero_mean_volatility", "ewma_volatility", "garch_t", "gjr_garch_t", "buy_and_hold",
)  # fmt: skip


@pytest.fixture(scope="module")
def settings(csv):
    config = LSTMConfig(hidden_dim=8, num_layers=1, sequence_length=10, epochs=2)
    return TrainOptions(bars=str(csv)), config


@pytest.fixture(scope="module")
def training(settings, tracking_store):
    return load(*settings)


@pytest.fixture(scope="module")
def steps(training):
    return steps_of(training, WALK)


@pytest.fixture(scope="module")
def walked(settings, tracking_store):
    """(parent run, its children by refit, report) of a walk that was never stopped."""
    made = walk_forward(*settings, WALK)
    wanted = "tags.`ordinis.entry_point` = 'walkforward'"
    (parent,) = mlflow.search_runs(filter_string=wanted, output_format="list")
    return parent, children(parent.info.run_id), made


def children(parent):
    wanted = f"tags.`mlflow.parentRunId` = '{parent}'"
    runs = mlflow.search_runs(filter_string=wanted, output_format="list")
    return {run.data.tags[WINDOW]: run for run in runs if run.info.status == "FINISHED"}


def test_windows_follow_the_calendar(steps):
    assert [str(step.window.refit)[:10] for step in steps] == [
        "2020-12-01", "2021-01-01", "2021-02-01",
    ]  # fmt: skip


def test_no_label_that_was_not_known_at_the_refit_is_learnt_from(training, steps):
    rows = training.prepared.rows
    starts, ends = rows.times[rows.ready], rows.ends[rows.ready]
    for step in steps:
        split = step.split
        assert ends[split.train].max() < split.validation_start
        assert ends[split.validation].max() < step.window.refit <= starts[split.test].min()
        assert starts[split.test].max() < step.window.until


def test_every_date_after_the_first_refit_is_tested_once(training, steps):
    rows = training.prepared.rows
    tested = np.concatenate([step.split.test for step in steps])
    after = np.flatnonzero(rows.times[rows.ready] >= steps[0].window.refit)
    assert np.array_equal(np.sort(tested), after)


def test_a_rolling_window_forgets(training):
    walk = replace(WALK, begin="2021-01-15T00:00:00Z", train_years=0)
    wide = steps_of(training, walk)
    rows = training.prepared.rows
    starts = rows.times[rows.ready]
    assert all(starts[step.split.train].min() == starts.min() for step in wide)
    long = replace(training, options=training.options)
    with pytest.raises(InvalidConfig, match="begin must lie within the decisions"):
        steps_of(long, replace(WALK, begin="2031-01-01T00:00:00Z"))


def test_a_window_is_blind_to_what_comes_after_its_refit(training, steps):
    """Other outcomes and other features later: the same weights, the same first prediction."""
    step = steps[0]
    rows = training.prepared.rows
    later = rows.times > step.window.refit
    unknown = rows.ends >= step.window.refit
    changed = replace(
        rows,
        labels=np.where(unknown, -3.0 * rows.labels, rows.labels),
        features=np.where(later[:, None], rows.features + 1.0, rows.features),
        close=np.where(later, 2.0 * rows.close, rows.close),
    )
    other = replace(training, prepared=replace(training.prepared, rows=changed))
    said = []
    for each in (training, other):
        prepared, network, _ = _fitted(each, step.split)
        prediction, in_sample = _said(each, prepared, network)
        said.append((prediction.mean[0], prediction.scale[0], prepared.scaler, in_sample))
    assert said[0][:3] == said[1][:3]
    assert np.array_equal(said[0][3], said[1][3])


def test_each_window_is_a_child_run(walked, steps):
    _, runs, _ = walked
    assert set(runs) == {str(step.window.refit) for step in steps}
    for step in steps:
        run = runs[str(step.window.refit)]
        assert run.info.run_name == f"refit {str(step.window.refit)[:10]}"
        assert run.data.metrics["train/rows"] == len(step.split.train)
        assert run.data.metrics["test/rows"] == len(step.split.test)
        read = read_window(run)
        assert np.array_equal(read.test, step.split.test)
        assert [each.name for each in read.predictions] == [MODEL, *BASELINES]


def test_a_window_computed_in_another_process_is_the_same(walked, training, steps):
    _, runs, _ = walked
    prepared, network, _ = _fitted(training, steps[1].split)
    here, _ = _said(training, prepared, network)
    there = read_window(runs[str(steps[1].window.refit)]).predictions[0]
    for column in here.columns():
        np.testing.assert_allclose(getattr(there, column), getattr(here, column), rtol=1e-6)


def test_the_parent_tells_all_windows_as_one_test(walked, steps):
    parent, runs, made = walked
    metrics = mlflow.get_run(parent.info.run_id).data.metrics
    assert metrics["walk/windows"] == len(steps)
    assert len(made.span) == sum(len(step.split.test) for step in steps)
    assert metrics["walk/log_score_nats"] == made.model.metrics["log_score_nats"]
    for name in BASELINES:
        assert metrics[f"walk_{name}/log_score_nats"]
        assert 0.0 <= metrics[f"walk/robustness_{name}_share"] <= 1.0
        lead = metrics[f"walk/log_score_above_{name}_nats"]
        assert metrics[f"walk/log_score_above_{name}_nats_low"] <= lead
    lost = [
        run.data.metrics["train/log_score_nats"] - run.data.metrics["test/log_score_nats"]
        for run in runs.values()
    ]
    assert metrics["walk/degradation_log_score_nats"] == pytest.approx(np.mean(lost))
    assert all(np.isfinite(value) for value in metrics.values())


def test_the_table_of_windows(walked, steps):
    parent, runs, _ = walked
    path = mlflow.artifacts.download_artifacts(f"runs:/{parent.info.run_id}/evaluation/windows.csv")
    table = pd.read_csv(path)
    assert table["refit"].tolist() == [str(step.window.refit)[:10] for step in steps]
    assert set(table["run_id"]) == {run.info.run_id for run in runs.values()}


def test_a_finished_walk_runs_no_window_again(walked, settings):
    parent, runs, made = walked
    options, config = settings
    again = walk_forward(replace(options, resume=parent.info.run_id), config, WALK)
    assert children(parent.info.run_id).keys() == runs.keys()
    assert again.model.metrics == made.model.metrics
    assert again.intervals == made.intervals
    assert mlflow.get_run(parent.info.run_id).info.status == "FINISHED"


def test_a_killed_walk_goes_on_and_ends_the_same(walked, settings, csv):
    """kill -9 once a window is done: what is finished is kept, the rest is run, all is equal."""
    _, _, made = walked
    options, config = settings
    pairs = {"bars": csv, "hidden_dim": 8, "num_layers": 1, "sequence_length": 10, "epochs": 2,
             "begin": WALK.begin, "refit_months": 1, "workers": 1, "samples": 100}  # fmt: skip
    before = runs_of_walks()
    process = started(walkforward.main, words(**pairs))
    parent = wait_for(lambda: next(iter(runs_of_walks() - before), None))
    wait_for(lambda: len(children(parent)) >= 1)
    process.kill()
    process.join()
    assert process.exitcode == -9
    # The worker notices that its parent is gone, in whatever it was doing.
    wait_for(lambda: not alive_beside(process))
    kept = {run.info.run_id for run in children(parent).values()}
    resumed = walk_forward(replace(options, resume=parent), config, WALK)
    assert resumed.model.metrics == pytest.approx(made.model.metrics, rel=1e-6)
    runs = children(parent)
    assert len(runs) == 3
    assert kept <= {run.info.run_id for run in runs.values()}
    statuses = {run.info.status for run in MlflowClient().search_runs(
        [mlflow.get_run(parent).info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent}'"
    )}  # fmt: skip
    assert statuses <= {"FINISHED", "KILLED"}


def runs_of_walks():
    wanted = "tags.`ordinis.entry_point` = 'walkforward'"
    return {
        run.info.run_id for run in mlflow.search_runs(filter_string=wanted, output_format="list")
    }


def wait_for(what, seconds=120.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"begin": "someday"}, "begin"),
        ({"refit_months": 0}, "refit_months must be 1 or more"),
        ({"train_years": -1}, "train_years"),
        ({"workers": -1}, "workers"),
    ],
)
def test_a_walk_that_cannot_be_is_refused(change, reason):
    with pytest.raises(InvalidConfig, match=re.escape(reason)):
        replace(WALK, **change)


def test_a_walk_registers_nothing(settings):
    options, config = settings
    with pytest.raises(InvalidConfig, match="registers no model, got register=mine"):
        walk_forward(replace(options, register="mine"), config, WALK)
