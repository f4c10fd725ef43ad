"""What tests of retraining share: bars, champions that are good or have learnt nothing, gates."""

import contextlib
import os
import warnings
from concurrent.futures import ThreadPoolExecutor

import mlflow
import pytest
from mlflow import MlflowClient
from own_store import own_store, words

from flows.gated import gated_registry
from flows.options import TrainOptions
from flows.retraining import Job
from flows.training import load, record
from flows.watched import NewestOptions
from ordinis_mlflow import flavor
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.retraining import RetrainPolicy, ask, open_desk

KEY = "a key"
POLICY = """
aliases = { champion = "Production" }
[models."*".Production]
manifest = {}
probe = {}
performance = { margin = 0.0, dates = 20 }
[models."*".Staging]
manifest = {}
"""
CONFIG = LSTMConfig(
    hidden_dim=8, num_layers=1, sequence_length=10, epochs=12, patience=12, learning_rate=1e-2
)


@contextlib.contextmanager
def gated(folder, policy=POLICY):
    """The session's database behind gates, and a store and a loop below a folder."""
    (folder / "policy.toml").write_text(policy)
    before = mlflow.get_registry_uri()
    with own_store(folder), pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's, of stages and of SQLAlchemy's mappers
        uri = f"ordinis+{mlflow.get_tracking_uri()}"
        patch.setenv("ORDINIS_POLICY", str(folder / "policy.toml"))
        patch.setenv("ORDINIS_BREAK_GLASS_KEY", KEY)
        patch.setenv("MLFLOW_REGISTRY_URI", uri)
        mlflow.set_registry_uri(uri)
        yield folder
        mlflow.set_registry_uri(before)


def logged(file, state_of, config=CONFIG):
    """URI of a model of the bars of a file, trained as ``state_of`` says, that nobody registered.

    Its challengers are trained as its run says, with ``config``.
    """
    from flows.packaging import BarWindows, build_package

    training = load(TrainOptions(bars=str(file), int8=False, recalibrate=False), config)
    with mlflow.start_run():
        record(training)
        state = state_of(training)
        package = build_package(training, training.checkpoint(state), BarWindows(training))
        return flavor.log_model(package).model_uri


def champion(model, uri):
    """Version 1, by break-glass."""
    mlflow.register_model(uri, model)
    gated_registry().promote(model, "1", "champion", "the first", KEY)


def trained_here(run_id, experiment, asked, lease, stop):
    """As ``mlflow run`` trains, but without a process of its own: that takes many seconds."""

    def train_it():
        from flows import train

        os.environ["MLFLOW_RUN_ID"] = run_id
        train.main(words(**asked))

    with ThreadPoolExecutor(1) as apart:  # a run is active in this thread
        apart.submit(train_it).result()
    return True


def desk_of():
    """The loop's, in the database that the environment names."""
    return open_desk("unused")


def begun(model):
    """A retraining that was asked for by hand."""
    desk = desk_of()
    return desk.write(desk.read(model), ask(desk.read(model).state, "a test"), at=1)


def job(file, parent, lease_s=2.0, **options):
    """With a lease that is soon over."""
    return Job(NewestOptions(bars=str(file)), RetrainPolicy(), parent, lease_s=lease_s, **options)


def versions(model):
    """Numbers of the registered versions, with the trigger that each came from."""
    found = MlflowClient().search_model_versions(f"name = '{model}'")
    return {str(each.version): each.tags.get("ordinis.trigger") for each in found}
