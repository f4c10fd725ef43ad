"""A tuning from end to end: child runs, one judgement, interruption, resumption, dead workers."""

import os
import re
import signal
import sys
import time
from dataclasses import asdict, replace
from multiprocessing import active_children

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient
from own_store import words
from tuning_settings import CONFIG, MEASUREMENT, SPACE
from warm import WARM

from flows import command_line, tune_workers, tuned_objective
from flows import tune as flow
from flows.options import TrainOptions
from flows.tune import TuneOptions, best_of, tune
from flows.tune_workers import work, work_together
from flows.tuned_trial import NUMBER, STATE, STUDY, end_orphans
from ordinis_mlflow.errors import InvalidConfig, InvalidSpace, StudyDiffers, StudyError
from ordinis_mlflow.tracking import count_trials
from ordinis_mlflow.tracking.trials import FIRST, TRIAL

pytestmark = pytest.mark.usefixtures("warm_workers")


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    path = tmp_path_factory.mktemp("space") / "space.json"
    path.write_text(SPACE.to_json())
    return str(path)


@pytest.fixture(scope="module")
def options(csv):
    return TrainOptions(bars=str(csv), no_trade_band=0.0, recalibrate=False, int8=False)


@pytest.fixture(scope="module")
def tuning(space):
    return TuneOptions(space=space, trials=5, workers=2, samples=100)


@pytest.fixture(scope="module")
def tuned(options, tuning, tracking_store):
    """A tuning by two objectives and two workers, its model registered; and its run."""
    both = replace(MEASUREMENT, objectives="ic,sharpe")
    done = tune(replace(options, register="tuned"), CONFIG, both, tuning)
    return done, parent_of(done.study)


@pytest.fixture
def job(options, tuning, tracking_store):
    """Work on a study of its own, under a run of its own."""
    with mlflow.start_run() as run:
        training = flow.load(options, CONFIG)
        made = flow.job_of(training, MEASUREMENT, tuning)
        sheet = replace(made.sheet, experiment_id=run.info.experiment_id, parent=run.info.run_id)
        yield replace(made, sheet=sheet, trials=4)


def runs(wanted):
    return mlflow.search_runs(filter_string=wanted, output_format="list")


def parent_of(study):
    wanted = f"tags.`{STUDY}` = '{study}' and tags.`ordinis.entry_point` = 'tune'"
    return max(runs(wanted), key=lambda run: run.info.start_time)


def children(parent):
    """Trials of a run, by their numbers."""
    found = runs(f"tags.`mlflow.parentRunId` = '{parent}'")
    return {int(run.data.tags[NUMBER]): run for run in found if NUMBER in run.data.tags}


def named(parent, name):
    """The child run of one of the two models."""
    found = runs(f"tags.`mlflow.parentRunId` = '{parent}'")
    (run,) = (run for run in found if run.info.run_name == name)
    return run


def test_each_trial_is_a_child_run(tuned):
    done, parent = tuned
    found = children(parent.info.run_id)
    assert sorted(found) == [0, 1, 2, 3, 4]
    for number, run in found.items():
        assert run.info.status == "FINISHED"
        assert run.info.run_name == f"trial {number}"
        assert run.data.tags[STUDY] == done.study
        assert run.data.tags[STATE] == "done"
        metrics = run.data.metrics
        assert metrics["trial/seconds"] > 0.0
        for name in ("log_score_nats", "sharpe_annual", "ic"):
            folds = [metrics[f"fold_{fold}/{name}"] for fold in (0, 1)]
            assert metrics[name] == pytest.approx(sum(folds) / 2)
    assert found[0].data.params == {name: str(v) for name, v in SPACE.defaults().items()}


def test_the_best_by_the_first_objective_is_judged(tuned):
    done, parent = tuned
    found = children(parent.info.run_id)
    best = max(found.values(), key=lambda run: run.data.metrics["ic"])
    assert done.best.number != 0  # else nothing would be compared
    assert int(best.data.tags[NUMBER]) == done.best.number
    assert best.data.params == {name: str(v) for name, v in done.best.configuration.items()}


def test_the_parent_has_figures_and_a_table(tuned):
    done, parent = tuned
    files = {file.path for file in MlflowClient().list_artifacts(parent.info.run_id, "tuning")}
    kinds = ("history", "importance", "parallel_coordinate", "slice", "pareto")
    assert files == {*(f"tuning/{kind}.html" for kind in kinds), "tuning/trials.csv"}
    path = mlflow.artifacts.download_artifacts(f"runs:/{parent.info.run_id}/tuning/trials.csv")
    table = pd.read_csv(path, float_precision="round_trip")
    assert table["trial"].tolist() == [0, 1, 2, 3, 4]
    assert table["ic"].max() == done.best.values["ic"]
    assert parent.data.metrics["tuning/complete"] == 5.0
    assert parent.data.metrics["tuning/best_ic"] == done.best.values["ic"]


def test_what_was_measured_is_trained_and_judged_on_the_rows_of_the_default(tuned):
    done, parent = tuned
    made = done.report
    tuned_run, default_run = (named(parent.info.run_id, name) for name in ("tuned", "default"))
    assert (tuned_run.data.params["epochs"], default_run.data.params["epochs"]) == ("2", "3")
    for name, value in done.best.configuration.items():
        assert tuned_run.data.params[name] == str(value)
    assert default_run.data.params["sequence_length"] == str(CONFIG.sequence_length)
    assert made.model.name == "tuned"
    assert [each.name for each in made.baselines] == ["default"]
    metrics = parent.data.metrics
    for metric in ("log_score", "sharpe"):
        unit = {"log_score": "nats", "sharpe": "annual"}[metric]
        lead = metrics[f"test/{metric}_above_default_{unit}"]
        assert metrics[f"test/{metric}_above_default_{unit}_low"] <= lead
        assert lead <= metrics[f"test/{metric}_above_default_{unit}_high"]
        theirs = metrics[f"test_default/{metric}_{unit}"]
        assert lead == pytest.approx(metrics[f"test/{metric}_{unit}"] - theirs)
        assert default_run.data.metrics[f"test/{metric}_{unit}"] == theirs


def test_no_trial_saw_a_row_that_was_judged(tuned, options):
    done, _ = tuned
    training = flow.load(options, CONFIG)
    border = flow.untouched_from(training.bars, options, CONFIG, SPACE)
    assert done.report.span.dates.min() >= border


def test_every_trial_counts_as_an_attempt(tuned):
    """Five trials, the default model and the tuned one; each once."""
    done, parent = tuned
    tags = parent.data.tags
    judged = count_trials(flow.Judged.of(done.report.span), returns=False)
    assert parent.data.metrics["test/trials_count"] >= 7.0
    assert judged.count >= 7
    assert 0.0 <= parent.data.metrics["test/deflated_sharpe_share"] <= 1.0
    assert tags[TRIAL] == named(parent.info.run_id, "tuned").info.run_id
    numbers = {run.data.tags[TRIAL] for run in children(parent.info.run_id).values()}
    assert numbers == {f"{done.study}/{number}" for number in range(5)}
    assert all(FIRST in run.data.tags for run in children(parent.info.run_id).values())


def test_the_tuned_model_is_registered_by_its_own_run(tuned):
    done, parent = tuned
    version = MlflowClient().get_model_version("tuned", done.published.version)
    assert version.run_id == named(parent.info.run_id, "tuned").info.run_id
    contract = done.published.training.config
    assert {k: getattr(contract, k) for k in done.best.configuration} == done.best.configuration


def test_a_study_goes_on(tuned, options, tuning, monkeypatch, capsys):
    """With more trials: what is there is not measured again. Nothing is judged twice in vain."""
    done, _ = tuned
    both = replace(MEASUREMENT, objectives="ic,sharpe")
    monkeypatch.setattr(flow, "_judge", lambda training, study, *_: study.trials())
    more = replace(tuning, study=done.study, trials=6, workers=1)
    trials = tune(options, CONFIG, both, more)
    assert [trial.state for trial in trials] == ["complete"] * 6
    assert list(children(parent_of(done.study).info.run_id)) == [5]
    assert f"study {done.study}; go on with -P study={done.study}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"space": "none"}, "has the space"),
        ({"objectives": "log_score"}, "has the objectives"),
        ({"folds": 3}, "was measured with {'folds': 2}, asked for was {'folds': 3}"),
        ({"seed": 8}, "was measured with {'seed': 7}"),
        ({"cost_bps": 2.0}, "was measured with {'cost_bps': 1.0}"),
    ],
)
def test_another_measurement_is_no_part_of_the_study(tuned, settings, run_ids, changed, reason):
    done, _ = tuned
    before = run_ids()
    asked = {**settings, "study": done.study, "objectives": "ic,sharpe", **changed}
    if changed.get("space") == "none":
        del asked["hidden_dim"]
    with pytest.raises(StudyDiffers, match=re.escape(reason)):
        flow.main(words(**asked))
    assert run_ids() == before


@pytest.fixture
def settings(options, tuning):
    """As command-line pairs."""
    given = {**asdict(options), **asdict(MEASUREMENT), **asdict(tuning)}
    return {**given, "hidden_dim": 8, "epochs": CONFIG.epochs}


@pytest.mark.parametrize(
    ("changed", "error", "reason"),
    [
        ({"trials": 0}, InvalidConfig, "trials must be 1 or more"),
        ({"timeout": -1.0}, InvalidConfig, "timeout and workers 0 or more"),
        ({"workers": -1}, InvalidConfig, "timeout and workers 0 or more"),
        ({"objectives": "profit"}, InvalidConfig, "objectives must be one or more of"),
        ({"method": "guess"}, InvalidConfig, "method must be one of"),
        ({"pruner": "wilcoxon"}, InvalidConfig, "pruner one of"),
        ({"samples": 0}, InvalidConfig, "samples must be 1 or more"),
        ({"folds": 1}, InvalidConfig, "folds must be 2 or more"),
        ({"folds": 12}, InvalidConfig, "12 folds of the rows before"),
        ({"trial_epochs": 0}, InvalidConfig, "trial_epochs 1 or more"),
        ({"embargo": "5"}, InvalidConfig, "embargo must be a duration"),
        ({"embargo": "soon"}, InvalidConfig, "embargo must be a duration"),
        ({"embargo": "-1D"}, InvalidConfig, "embargo must be a duration"),
        ({"learning_rate": 0.01}, InvalidConfig, "learning_rate=0.01 would not be used"),
        ({"resume": "a1"}, InvalidConfig, "goes on by study=<name>"),
        ({"method": "cmaes", "objectives": "ic,sharpe"}, InvalidConfig, "follows one objective"),
        ({"space": "nowhere.json"}, FileNotFoundError, "nowhere.json"),
        ({"study": "x" * 600}, InvalidConfig, "a study's name has"),
    ],
)
def test_what_cannot_be_is_refused_before_a_run(settings, run_ids, changed, error, reason):
    before = run_ids()
    with pytest.raises(error, match=re.escape(reason)):
        flow.main(words(**{**settings, **changed}))
    assert run_ids() == before


def test_a_space_that_cannot_be_is_refused(settings, run_ids, tmp_path):
    before = run_ids()
    empty = tmp_path / "empty.json"
    empty.write_text('{"format": 1, "params": [], "conditions": []}')
    with pytest.raises(InvalidSpace, match="at least one parameter"):
        flow.main(words(**{**settings, "space": str(empty)}))
    assert run_ids() == before


def test_nan_fails_its_trial_and_no_other(job, monkeypatch):
    judge = tuned_objective.judge
    calls = []

    def broken(span, prediction):
        judged = judge(span, prediction)
        calls.append(span)
        if len(calls) == 3:  # the first fold of the second trial
            return replace(judged, metrics={**judged.metrics, "log_score_nats": float("nan")})
        return judged

    monkeypatch.setattr(tuned_objective, "judge", broken)
    assert work(job) == 4
    with job.open() as study:
        trials = study.trials()
    assert [trial.state for trial in trials] == ["complete", "failed", "complete", "complete"]
    assert "log_score of fold 0 is nan" in trials[1].reason
    run = children(job.sheet.parent)[1]
    assert run.info.status == "FAILED"
    assert "log_score of fold 0 is nan" in run.data.tags["ordinis.study.reason"]


def test_without_a_complete_trial_the_reason_is_told(job, monkeypatch):
    monkeypatch.setattr(tuned_objective, "judge", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):  # no error of the configuration: it ends the worker
        work(job)
    with job.open() as study, pytest.raises(StudyError, match=r"complete; the first.*division by"):
        best_of(study)


def test_a_pruned_trial_is_said_to_be(job):
    strict = replace(job.measurement, pruner="hyperband", trial_epochs=4)
    work(replace(job, measurement=strict, trials=14))
    found = children(job.sheet.parent)
    states = {run.data.tags[STATE]: run.info.status for run in found.values()}
    assert states == {"done": "FINISHED", "pruned": "KILLED"}
    for run in found.values():
        whole = run.data.tags[STATE] == "done"
        assert ("log_score_nats" in run.data.metrics) == whole
        assert (run.data.metrics["trial/folds"] == 2.0) == whole


def test_no_trial_begins_after_the_end(job):
    assert work(replace(job, ends_at=time.time() - 1.0)) == 0
    with job.open() as study:
        assert study.trials() == ()


def test_what_a_killed_worker_was_at_is_tried_again_at_once(job, capsys):
    """Were its silence waited for, the other worker would have ended before it was noticed."""
    killed = []

    def look():
        if not killed and children(job.sheet.parent):
            (worker,) = active_children()
            os.kill(worker.pid, signal.SIGKILL)
            killed.append(worker.pid)

    work_together(replace(job, trials=2), 1, look)
    assert killed
    end_orphans(job.sheet.parent)
    with job.open() as study:
        trials = study.trials()
    found = [(trial.state, trial.retry_of) for trial in trials]
    assert found == [("failed", None), ("complete", 0), ("complete", None)]
    assert trials[1].configuration == trials[0].configuration == SPACE.defaults()
    assert trials[0].reason == "its worker died"
    assert "a worker died" in capsys.readouterr().err
    assert "RUNNING" not in {run.info.status for run in children(job.sheet.parent).values()}


def test_a_worker_that_fails_says_why(job):
    gone = replace(job, options=replace(job.options, snapshot="0" * 32))
    with pytest.raises(StudyError, match="a worker failed, what was measured is kept: Unknown"):
        work_together(gone, 1, lambda: None)


def test_workers_that_die_one_after_the_other_end_it(job, monkeypatch):
    monkeypatch.setattr(tune_workers, "DEATHS", 0)

    def look():
        for worker in active_children():
            os.kill(worker.pid, signal.SIGKILL)

    with pytest.raises(StudyError, match="1 workers died, the last with exit status -9"):
        work_together(job, 1, look)


def typed(arguments):
    """A tuning as a shell starts it, whatever this process ignores; its workers are as usual."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv[1:] = arguments
    command_line.run(flow.main)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_is_done_when_it_is_stopped_is_kept(settings, number, status):
    """And the trial that was under way is put back: the study goes on with it."""
    name = f"stopped-{status}"
    asked = words(**{**settings, "study": name, "trials": 500, "workers": 1})
    process = WARM.Process(target=typed, args=(asked,), daemon=False)
    process.start()
    wanted = f"tags.`{STUDY}` = '{name}' and tags.`{STATE}` = 'done'"
    wait_for(lambda: len(runs(wanted)) >= 2 or not process.is_alive())
    os.killpg(process.pid, number)  # as a terminal does, and mlflow run
    process.join(120)
    assert process.exitcode == status
    parent = parent_of(name)
    assert parent.info.status == "KILLED"
    assert parent.data.metrics["tuning/complete"] >= 2.0
    files = {file.path for file in MlflowClient().list_artifacts(parent.info.run_id, "tuning")}
    assert "tuning/history.html" in files
    statuses = {run.info.status for run in children(parent.info.run_id).values()}
    assert statuses <= {"FINISHED", "KILLED"}


def test_what_mlflow_run_sends_after_ctrl_c_loses_nothing(job, monkeypatch):
    """SIGTERM comes while figures are logged."""

    def interrupted(*_):
        raise KeyboardInterrupt

    def log_terminated(study):
        os.kill(os.getpid(), signal.SIGTERM)
        log_study(study)

    log_study = flow.log_study
    monkeypatch.setattr(flow, "work_together", interrupted)
    monkeypatch.setattr(flow, "log_study", log_terminated)
    with job.open() as study, pytest.raises(SystemExit) as left:
        flow._measure(job, study, 1)
    assert left.value.code == 130
    parent = mlflow.get_run(job.sheet.parent)
    assert parent.info.status == "KILLED"
    assert parent.data.tags[STATE] == "interrupted"
    assert parent.data.metrics["tuning/complete"] == 0.0


def wait_for(what, seconds=120.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if what():
            return
        time.sleep(0.05)
    raise AssertionError("waited in vain")
