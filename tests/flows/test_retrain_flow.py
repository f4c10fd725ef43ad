"""Retraining: one trigger is one challenger, whoever begins it and whenever they are killed."""

import threading
import time
from dataclasses import replace
from uuid import uuid4

import mlflow
import pytest
import retrain_worker
import retrained
from mlflow import MlflowClient
from own_store import words
from retrained import CONFIG, begun, champion, desk_of, job, logged, trained_here, versions
from warm import WARM, started

from flows import retrain, retraining
from flows.challenge import untrained
from flows.challenged import PAGE
from flows.gated import decisions
from flows.retraining import carry_out, go_on
from flows.trigger_runs import SNAPSHOT, TRIGGER, Trigger, attempts, begin, trainings
from ordinis_mlflow.errors import InvalidBars, InvalidConfig, RetrainingError
from ordinis_mlflow.retraining import COOL_DOWN, RETRAIN, LoopState, Step, hold, trained


@pytest.fixture(scope="module", autouse=True)
def gated(tracking_store, tmp_path_factory):
    """The session's database behind gates, a store and a loop of the module's own."""
    with retrained.gated(tmp_path_factory.mktemp("retrained")):
        yield


@pytest.fixture(scope="module")
def early(frame, tmp_path_factory):
    """Bars that the champion was trained on: three quarters of those of ``csv``."""
    path = tmp_path_factory.mktemp("early") / "early.csv"
    frame.iloc[:320].to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def model():
    return f"m-{uuid4().hex[:12]}"


@pytest.fixture
def here(monkeypatch):
    """Without a process for each training."""
    monkeypatch.setattr(retraining, "_project", trained_here)


@pytest.fixture(scope="module")
def untrained_model(early):
    """One that has learnt nothing."""
    return logged(early, untrained)


@pytest.fixture
def beaten(untrained_model):
    """A champion that has learnt nothing."""
    name = f"beaten-{uuid4().hex[:12]}"
    champion(name, untrained_model)
    return name


@pytest.fixture
def strong(csv):
    """A champion that has learnt something, which its challengers will not."""
    from flows.train import train_network

    def trained(training):
        return train_network(replace(training, config=CONFIG), None)

    name = f"strong-{uuid4().hex[:12]}"
    champion(name, logged(csv, trained, replace(CONFIG, epochs=1, learning_rate=1e-9)))
    return name


@pytest.fixture
def parent():
    """A monitor's run."""
    run = MlflowClient().create_run(mlflow.get_experiment_by_name("tests").experiment_id)
    return run.info.run_id


def made(model):
    """The run that logged version 2, with its decision's page."""
    run = mlflow.get_run(MlflowClient().get_model_version(model, "2").run_id)
    return run, mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/{PAGE}")


def test_three_monitors_at_once_train_one_challenger_that_is_better(beaten, csv, parent, here):
    kept, desk = begun(beaten), desk_of()
    drifted = {"ordinis.drifted": "return_1"}
    threads = [
        threading.Thread(target=go_on, args=(desk_of(), kept, job(csv, parent, tags=drifted)))
        for _ in range(3)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    state = desk.read(beaten).state
    assert (state.phase, state.challenger, state.rejected) == (COOL_DOWN, "2", 0)
    assert versions(beaten) == {"1": None, "2": str(Trigger(beaten, 1, 0))}
    assert MlflowClient().get_model_version_by_alias(beaten, "champion").version == 2
    (run,) = attempts(Trigger(beaten, 1, 0))
    tags = run.data.tags
    assert tags["mlflow.parentRunId"] == parent
    assert (tags["ordinis.cause"], tags["ordinis.champion"]) == ("hand", "1")
    assert tags["ordinis.drifted"] == "return_1"
    assert tags["ordinis.decision"].startswith("promoted")
    assert run.info.status == "FINISHED"
    assert run.data.params["epochs"] == str(CONFIG.epochs)
    assert run.data.metrics["gate/performance_observed"] > 0
    _, page = made(beaten)
    assert "Version 2" in page
    assert "log score" in page
    assert [e.phase for e in desk.history(beaten)] == ["retrain", "evaluate", "cool_down"]


def test_a_challenger_that_is_worse_is_rejected_by_hand_as_well(strong, csv, capsys, here):
    asked = {"model": strong, "bars": csv}
    retrain.main(words(**asked, cause="a new feed"))
    state = desk_of().read(strong).state
    assert (state.phase, state.challenger, state.rejected) == (COOL_DOWN, "2", 1)
    assert MlflowClient().get_model_version_by_alias(strong, "champion").version == 1
    run, page = made(strong)
    assert run.data.tags["ordinis.decision"].startswith("rejected")
    assert "FAILED" in page
    above = mlflow.get_run(run.data.tags["mlflow.parentRunId"])
    assert above.data.tags["ordinis.entry_point"] == "retrain"
    assert above.data.tags["ordinis.asked"] == "a new feed"
    assert above.info.status == "FINISHED"
    assert "version 2 was rejected: performance FAILED" in capsys.readouterr().out
    with pytest.raises(InvalidConfig, match="no retraining is under way"):
        retrain.main(words(**asked))


def test_killed_at_every_step_it_ends_with_one_challenger(beaten, csv, parent):
    begun(beaten)
    hears, told = WARM.Pipe(duplex=False)
    worker = started(retrain_worker.main, beaten, csv, parent, told)
    worker.join(400)
    assert worker.exitcode == 0
    steps = hears.recv()
    assert len(steps) == 10
    assert steps.pop("none") == 0
    assert set(steps.values()) == {9}, steps
    state = desk_of().read(beaten).state
    assert (state.phase, state.trigger, state.challenger) == (COOL_DOWN, 1, "2")
    assert versions(beaten) == {"1": None, "2": str(Trigger(beaten, 1, 0))}
    assert MlflowClient().get_model_version_by_alias(beaten, "champion").version == 2
    assert len([each for each in decisions(beaten) if each.version == "2"]) == 1
    first, second, third = attempts(Trigger(beaten, 1, 0))
    assert SNAPSHOT not in first.data.tags
    assert first.info.status == "KILLED"
    (resumed,) = trainings([third])[1:]
    assert resumed.data.tags["ordinis.resumed_from"] == second.info.run_id
    # Exactly one has a version, though the training that was orphaned may have finished as well.
    assert MlflowClient().get_model_version(beaten, "2").run_id in (
        second.info.run_id, resumed.info.run_id,
    )  # fmt: skip
    assert [e.phase for e in desk_of().history(beaten)] == ["retrain", "evaluate", "cool_down"]


def test_a_training_that_is_stopped_goes_on_later(beaten, csv, parent):
    stop, kept = threading.Event(), begun(beaten)
    trigger = Trigger(beaten, 1, 0)

    def stop_it():
        while not any(SNAPSHOT in each.data.tags for each in attempts(trigger)):
            time.sleep(0.1)
        stop.set()

    thread = threading.Thread(target=stop_it)
    thread.start()
    left = go_on(desk_of(), kept, job(csv, parent, stop=stop))
    thread.join()
    assert (left.state.phase, left.state.challenger) == (RETRAIN, "")
    assert left.lease_until <= time.time_ns()  # the next need not wait
    (run,) = attempts(trigger)
    assert run.info.status in ("FAILED", "KILLED")
    assert versions(beaten) == {"1": None}
    assert go_on(desk_of(), left, job(csv, parent, stop=stop)) == left


def test_a_training_that_fails_counts_as_a_lost_challenger(beaten, csv, parent, monkeypatch):
    monkeypatch.setattr(retraining, "_parameters", lambda *_: {"bars": "nowhere.csv"})
    kept = begun(beaten)
    done = go_on(desk_of(), kept, job(csv, parent))
    assert (done.state.phase, done.state.rejected, done.state.challenger) == (COOL_DOWN, 1, "")
    (run,) = attempts(Trigger(beaten, 1, 0))
    assert run.info.status == "FAILED"
    assert f"run {run.info.run_id} ended FAILED" in desk_of().history(beaten)[-1].note


@pytest.fixture
def evaluated(beaten, untrained_model):
    """A loop whose challenger, no better than the champion, is to be evaluated."""
    begun(beaten)
    mlflow.register_model(untrained_model, beaten)
    run = MlflowClient().create_run(mlflow.get_experiment_by_name("tests").experiment_id)
    _, kept, _ = desk_of().advance(beaten, lambda state: trained(state, run.info.run_id, "2"))
    return kept


def test_a_challenger_whose_version_was_deleted_is_lost_and_no_dead_end(evaluated, csv, parent):
    MlflowClient().delete_model_version(evaluated.model, "2")
    done = go_on(desk_of(), evaluated, job(csv, parent))
    assert (done.state.phase, done.state.rejected) == (COOL_DOWN, 1)
    assert "version 2 is not registered" in desk_of().history(evaluated.model)[-1].note


def test_a_challenger_whose_run_was_deleted_is_decided_on(evaluated, csv, parent):
    MlflowClient().delete_run(evaluated.state.run)
    done = go_on(desk_of(), evaluated, job(csv, parent))
    assert done.state.phase == COOL_DOWN
    assert next(decisions(evaluated.model)).version == "2"


def test_bars_that_end_before_what_triggered_are_refused(beaten, csv, parent):
    """A champion of them would be due again at once, and the next one too."""
    later = LoopState(phase=RETRAIN, trigger=1, cause="age", triggered=time.time_ns())
    _, kept, _ = desk_of().advance(beaten, lambda _: Step(later, "due"))
    with pytest.raises(InvalidBars, match="the bars to train on end at 2021-02-23"):
        go_on(desk_of(), kept, job(csv, parent))
    assert attempts(Trigger.of(beaten, later)) == []


def test_a_loop_that_begins_anew_takes_nothing_of_the_old_one(model, parent):
    experiment = mlflow.get_run(parent).info.experiment_id
    old, new = Trigger(model, 1, 0), Trigger(model, 1, 86_400_000_000_000)
    run_id = begin(old, experiment, {})
    assert [each.info.run_id for each in attempts(old)] == [run_id]
    assert attempts(new) == []


def test_one_that_ends_too_often_is_given_up_loudly(beaten, csv, parent, capsys):
    kept = begun(beaten)
    experiment = mlflow.get_run(parent).info.experiment_id
    for _ in range(retraining.MOST_ATTEMPTS):
        MlflowClient().create_run(experiment, tags={TRIGGER: str(Trigger(beaten, 1, 0))})
    with mlflow.start_run() as run:
        done = carry_out(desk_of(), kept, job(csv, parent))
    assert done.state.phase == COOL_DOWN
    assert "ended 5 times without a result" in capsys.readouterr().err
    assert mlflow.get_run(run.info.run_id).data.tags["ordinis.loop.phase"] == COOL_DOWN
    assert "ended 5 times without a result" in desk_of().history(beaten)[-1].note
    assert {each.info.status for each in attempts(Trigger(beaten, 1, 0))} == {"KILLED"}


def test_a_registry_without_gates_is_refused_before_anything_is_begun(
    beaten, csv, parent, monkeypatch
):
    kept, uri = begun(beaten), mlflow.get_registry_uri()
    mlflow.set_registry_uri(mlflow.get_tracking_uri())
    try:
        for act in (
            lambda: go_on(desk_of(), kept, job(csv, parent)),
            lambda: retrain.main(words(model=beaten, bars=csv, cause="x")),
        ):
            with pytest.raises(InvalidConfig, match="has no gates"):
                act()
    finally:
        mlflow.set_registry_uri(uri)
    assert attempts(Trigger(beaten, 1, 0)) == []
    assert desk_of().read(beaten) == kept


def test_nothing_is_done_where_nothing_is_under_way(csv, parent, model):
    kept = desk_of().read(model)
    assert go_on(desk_of(), kept, job(csv, parent)) is kept


def test_by_hand_it_is_refused_while_held_or_under_way(beaten, csv):
    desk = desk_of()
    desk.write(desk.read(beaten), hold(desk.read(beaten).state, "holidays"), at=1)
    with pytest.raises(RetrainingError, match="held: holidays"):
        retrain.main(words(model=beaten, bars=csv, cause="x"))
    assert attempts(Trigger(beaten, 1, 0)) == []
