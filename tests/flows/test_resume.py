"""A training that was stopped goes on, and ends as if it had not been."""

import dataclasses
import os
import signal
import sys
import time

import mlflow
import pytest
import torch
from mlflow import MlflowClient
from warm import started

from flows import command_line
from flows import train as flow
from flows.options import TrainOptions
from flows.train import train
from flows.training import load, record, resumable
from ordinis_mlflow.errors import CheckpointError, InvalidConfig
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.network.checkpoint import load_checkpoint
from ordinis_mlflow.tracking import tracked_run
from ordinis_mlflow.tracking.checkpoints import latest_checkpoint

pytestmark = pytest.mark.usefixtures("tracking_store")


def words(*values):
    """Settings as command-line pairs."""
    fields = {name: value for each in values for name, value in dataclasses.asdict(each).items()}
    return [word for name, value in fields.items() for word in (f"--{name}", str(value))]


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def losses(run_id, name):
    points = MlflowClient().get_metric_history(run_id, name)
    return sorted((point.step, point.value) for point in points)


def typed(arguments):
    """A training as a shell starts it."""
    sys.argv[1:] = arguments
    command_line.run(flow.main)


@pytest.fixture
def stop(options, network, tracking_store, run_ids):
    """Start a training in a process of its own, stop it amid its epochs, give its run's id."""

    def call(number):
        before = run_ids()
        checkpoints = "artifacts/*/artifacts/checkpoints/slot-0.safetensors"
        seen = set(tracking_store.glob(checkpoints))
        process = started(typed, words(options, network))
        deadline = time.monotonic() + 60
        # The second epoch's file: by then the first one's is whole.
        while not set(tracking_store.glob(checkpoints)) - seen and time.monotonic() < deadline:
            assert process.is_alive()
            time.sleep(0.002)
        os.kill(process.pid, number)
        process.join(30)
        (run_id,) = run_ids() - before
        return run_id, process.exitcode

    return call


@pytest.fixture
def unfinished(options, network):
    """A run that knows its settings and ended before its first epoch did."""
    with pytest.raises(KeyboardInterrupt), tracked_run({}, {}) as run:  # noqa: PT012
        record(load(options, network))
        raise KeyboardInterrupt
    return run.info.run_id


@pytest.fixture
def state_only(monkeypatch):
    """Train without packaging: the state of the network is what ``train`` gives back."""
    monkeypatch.setattr("flows.train.publish", lambda _, checkpoint, trained: checkpoint.state)


def test_killed_training_goes_on(stop, trained, network):
    killed, status = stop(signal.SIGKILL)
    assert status == -signal.SIGKILL
    assert mlflow.get_run(killed).info.status == "RUNNING"  # nothing could be said any more
    assert 1 <= len(latest_checkpoint(killed).state.epochs) < network.epochs

    published = train(TrainOptions(resume=killed), LSTMConfig())
    assert mlflow.get_run(killed).info.status == "KILLED"

    run = mlflow.get_run(published.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["ordinis.resumed_from"] == killed
    snapshot = trained.run.data.tags["ordinis.snapshot"]
    expected = {**trained.run.data.params, "resume": killed, "snapshot": snapshot}
    assert run.data.params == expected
    for name in ("train/loss_nats", "validation/loss_nats"):
        history = losses(published.run_id, name)
        assert [step for step, _ in history] == list(range(1, network.epochs + 1))
        assert history == losses(trained.run_id, name)

    folder = mlflow.artifacts.download_artifacts(published.model_uri)
    resumed = load_checkpoint(type(trained.model)(folder) / "checkpoint.safetensors")
    unbroken = load_checkpoint(trained.model / "checkpoint.safetensors")
    assert resumed.state.epochs == unbroken.state.epochs
    assert equal(resumed.state.weights, unbroken.state.weights)
    assert equal(resumed.state.best_weights, unbroken.state.best_weights)
    assert equal(resumed.state.optimizer, unbroken.state.optimizer)


def test_terminated_training_has_failed(stop):
    run_id, status = stop(signal.SIGTERM)
    assert status == 128 + signal.SIGTERM
    assert mlflow.get_run(run_id).info.status == "FAILED"


@pytest.mark.usefixtures("state_only")
def test_without_a_checkpoint_it_starts_from_the_beginning(unfinished, trained):
    assert latest_checkpoint(unfinished) is None
    state = train(TrainOptions(resume=unfinished), LSTMConfig())
    unbroken = load_checkpoint(trained.model / "checkpoint.safetensors").state
    assert state.epochs == unbroken.epochs
    assert equal(state.weights, unbroken.weights)
    assert mlflow.get_run(unfinished).info.status == "FAILED"  # it had ended itself: left alone


@pytest.mark.parametrize(
    ("options_asked", "config_asked", "named"),
    [
        ({}, {"hidden_dim": 12}, "hidden_dim = 12 contradicts run"),
        ({}, {"learning_rate": 0.5}, "learning_rate = 0.5 contradicts run"),
        ({"bars": "nasdaq"}, {}, "bars = 'nasdaq' contradicts run"),
    ],
)
def test_contradictions_are_refused(options_asked, config_asked, named, trained, run_ids):
    before = run_ids()
    with pytest.raises(InvalidConfig, match=named) as error:
        train(TrainOptions(resume=trained.run_id, **options_asked), LSTMConfig(**config_asked))
    assert "leave it out to continue that run" in str(error.value)
    assert run_ids() == before


@pytest.mark.usefixtures("state_only")
def test_what_the_run_used_may_be_said_again(trained, options, network):
    state = train(dataclasses.replace(options, resume=trained.run_id), network)
    assert len(state.epochs) == network.epochs


@pytest.mark.usefixtures("state_only")
def test_it_goes_on_with_its_snapshot_whatever_the_file_says_by_now(trained, frame, csv):
    kept = csv.read_bytes()
    try:
        changed = frame.copy()
        changed.loc[200, "volume"] += 1.0
        changed.to_csv(csv, index=False)
        state = train(TrainOptions(resume=trained.run_id), LSTMConfig())
    finally:
        csv.write_bytes(kept)
    unbroken = load_checkpoint(trained.model / "checkpoint.safetensors").state
    assert equal(state.weights, unbroken.weights)


def test_other_bars_are_refused(trained, monkeypatch):
    """A store that was made anew may hold a snapshot of the same name only if its rows are."""
    training = load(trained.published.training.options, trained.published.training.config)
    part = training.bars.parts[0]
    changed = dataclasses.replace(part, values=part.values * 2.0)
    data = dataclasses.replace(training.data, bars=type(training.bars)((changed,)))
    with pytest.raises(CheckpointError, match="trained on other bars") as error:
        resumable(trained.run_id, dataclasses.replace(training, data=data))
    assert trained.run_id in str(error.value)


@pytest.mark.parametrize("run_id", ["0" * 32, "abc"])
def test_unknown_run_is_refused(run_id, run_ids):
    before = run_ids()
    with pytest.raises(InvalidConfig, match=f"run '{run_id}' is no training run"):
        train(TrainOptions(resume=run_id), LSTMConfig())
    assert run_ids() == before


def test_run_of_another_kind_is_refused():
    with mlflow.start_run() as run:
        pass
    with pytest.raises(InvalidConfig, match="is no training run"):
        train(TrainOptions(resume=run.info.run_id), LSTMConfig())


@pytest.mark.usefixtures("state_only")
def test_resumed_through_mlflow_run_it_states_what_it_trained_with(
    trained, network, options, monkeypatch
):
    """``mlflow run -P resume=...`` logs the other parameters' defaults before the flow starts."""
    asked = {**dataclasses.asdict(TrainOptions()), **dataclasses.asdict(LSTMConfig())}
    asked["resume"] = trained.run_id
    client = MlflowClient()
    experiment = mlflow.get_experiment(trained.run.info.experiment_id)
    run_id = client.create_run(experiment.experiment_id).info.run_id
    for name, value in asked.items():
        client.log_param(run_id, name, value)
    monkeypatch.setenv("MLFLOW_RUN_ID", run_id)
    train(TrainOptions(resume=trained.run_id), LSTMConfig())
    nested = f"tags.mlflow.parentRunId = '{run_id}'"
    (run,) = client.search_runs([experiment.experiment_id], nested)
    stated = run.data.params
    assert (stated["epochs"], stated["bars"]) == (str(network.epochs), options.bars)


@pytest.mark.usefixtures("state_only")
def test_main_resumes_a_training_that_registered_nothing(options, network, monkeypatch):
    """``mlflow run . -P resume=...`` passes main's defaults for register and alias."""
    from flows import main

    bare = dataclasses.replace(options, register="none", alias="none")
    with tracked_run({}, {}) as run:
        record(load(bare, network))
    monkeypatch.setattr(main, "served_signals", lambda *_: pytest.fail("not reached"))

    class Reached(Exception):
        pass

    def stop(*_):
        raise Reached

    monkeypatch.setattr("flows.train.train_network", stop)
    with pytest.raises(Reached):
        main.main(["--register", main.NAME, "--alias", main.ALIAS, "--resume", run.info.run_id])
