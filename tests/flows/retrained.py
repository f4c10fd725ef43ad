"""What tests of retraining share: bars, champions that are good or have learnt nothing, gates."""

import contextlib
import warnings

import mlflow
import pytest
from mlflow import MlflowClient
from own_store import own_store

from flows.gated import gated_registry
from flows.options import TrainOptions
from flows.retraining import Job
from flows.training import load, record
from flows.watched import RecentOptions
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
    hidden_dim=8, num_layers=1, sequence_length=10, epochs=40, patience=40, learning_rate=1e-2
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


def champion(model, file, state_of, config=CONFIG):
    """Version 1, by break-glass: on the bars of a file, trained as ``state_of`` says.

    Its challengers are trained as its run says, with ``config``.
    """
    from flows.packaging import BarWindows, build_package

    training = load(
        TrainOptions(bars=str(file), int8=False, recalibrate=False, register=model), config
    )
    with mlflow.start_run():
        record(training)
        state = state_of(training)
        package = build_package(training, training.checkpoint(state), BarWindows(training))
        flavor.log_model(package, registered_model_name=model)
    gated_registry().promote(model, "1", "champion", "the first", KEY)


def desk_of():
    """The loop's, in the database that the environment names."""
    return open_desk("unused")


def begun(model):
    """A retraining that was asked for by hand."""
    desk = desk_of()
    return desk.write(desk.read(model), ask(desk.read(model).state, "a test"), at=1)


def job(file, parent, **options):
    """With a lease that is soon over."""
    return Job(RecentOptions(bars=str(file)), RetrainPolicy(), parent, lease_s=2.0, **options)


def versions(model):
    """Numbers of the registered versions, with the trigger that each came from."""
    found = MlflowClient().search_model_versions(f"name = '{model}'")
    return {str(each.version): each.tags.get("ordinis.trigger") for each in found}
