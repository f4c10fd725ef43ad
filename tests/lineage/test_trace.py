"""Lineage: from a model version back to bars, and from a snapshot to every version made of it."""

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from own_store import own_store

from flows.options import TrainOptions
from flows.train import train
from flows.training import load, record
from ordinis_mlflow.errors import UnknownSnapshot
from ordinis_mlflow.lineage import trace as tracing
from ordinis_mlflow.lineage.snapshot import SnapshotDataset
from ordinis_mlflow.lineage.trace import ModelVersion, trace, trained_on
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.store import read_manifest
from ordinis_mlflow.tracking import tracked_run

MOMENT = pd.Timestamp("2021-01-15", tz="UTC")
TINY = LSTMConfig(hidden_dim=8, num_layers=1, sequence_length=10, epochs=1)


@pytest.fixture(scope="module")
def models(history, trained_run, tmp_path_factory):
    """Versions by name; all but the first are registered from runs without packaging a model."""
    client, source = MlflowClient(), tmp_path_factory.mktemp("model").as_uri()
    real = train(TrainOptions(snapshot=history.old.features, int8=False, register="a"), TINY)
    client.create_registered_model("b")

    def version(name, run_id):
        made = client.create_model_version(name, source, run_id)
        return ModelVersion(name, str(made.version), run_id)

    run_ids = {
        "a2": trained_run(history.old.features),
        "b1": trained_run(history.new.features, as_of=MOMENT.isoformat()),
        "b2": trained_run(history.other.features),
    }
    found = {key: version(key[0], run_id) for key, run_id in run_ids.items()}
    found["a1"] = ModelVersion("a", real.version, real.run_id)
    trained_run(history.old.features)  # registered as nothing
    return found


def test_from_a_version_back_to_its_source(models, history):
    found = trace(history.store, "a", "1")
    assert found.model == models["a1"]
    assert found.features == read_manifest(history.store.files, history.old.features)
    assert found.as_of is None
    assert found.bars == read_manifest(history.store.files, history.old.bars)
    assert [(each.source, each.rows) for each in found.ingests] == [
        (history.old.source, found.bars.rows)
    ]


def test_back_as_of_a_moment_through_every_ingest(models, history):
    found = trace(history.store, "b", "1")
    assert (found.features.name, found.bars.name) == (history.new.features, history.new.bars)
    assert found.as_of == MOMENT.value
    assert [each.source for each in found.ingests] == [history.new.source, history.old.source]
    assert sum(each.rows for each in found.ingests) == found.bars.rows


@pytest.mark.parametrize(
    ("snapshot", "versions"), [("old", ["a1", "a2"]), ("new", ["b1"]), ("other", ["b2"])]
)
def test_forward_to_every_version_and_to_no_other(snapshot, versions, models, history):
    wanted = tuple(models[each] for each in versions)
    names = getattr(history, snapshot)
    assert trained_on(history.store, names.features) == wanted
    assert trained_on(history.store, names.bars) == wanted


def test_forward_and_back_agree(models, history):
    for each in models.values():
        found = trace(history.store, each.name, each.version)
        for snapshot in (found.features.name, found.bars.name):
            assert each in trained_on(history.store, snapshot)


def test_forward_finds_what_is_on_later_pages_in_other_experiments_and_of_deleted_runs(
    models, history, trained_run, monkeypatch, tmp_path
):
    monkeypatch.setattr(tracing, "PAGE", 1)
    client = MlflowClient()
    client.create_experiment("elsewhere", artifact_location=tmp_path.as_uri())
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "elsewhere")
    run_id = trained_run(history.new.features)
    assert (
        client.get_run(run_id).info.experiment_id
        != client.get_run(models["a1"].run_id).info.experiment_id
    )
    client.create_registered_model("c")
    made = client.create_model_version("c", "file:///nowhere", run_id)
    client.delete_run(run_id)  # the version that it made goes on being served
    version = ModelVersion("c", str(made.version), run_id)
    assert trained_on(history.store, history.new.bars) == (models["b1"], version)
    assert trace(history.store, "c", version.version).bars.name == history.new.bars


def test_a_run_that_did_more_than_train_is_traced_to_what_it_trained_on(history):
    """``mlflow run`` may be given a run to join: its inputs are then of several kinds."""
    training = load(TrainOptions(snapshot=history.new.features), TINY)
    store = history.store.files
    with tracked_run({}, {}) as run:
        for name, context in ((history.old.bars, "ingest"), (history.old.features, "materialize")):
            dataset = SnapshotDataset(store.url, read_manifest(store, name))
            mlflow.log_input(dataset, context=context)
        record(training)
    client = MlflowClient()
    client.create_registered_model("d")
    client.create_model_version("d", "file:///nowhere", run.info.run_id)
    assert trace(history.store, "d", "1").features.name == history.new.features
    assert all(each.name != "d" for each in trained_on(history.store, history.old.features))


def test_versions_without_lineage_say_so(history):
    client = MlflowClient()
    with tracked_run({}, {}) as run:
        pass
    client.create_registered_model("bare")
    client.create_model_version("bare", "file:///nowhere", run.info.run_id)
    client.create_model_version("bare", "file:///nowhere")
    with pytest.raises(UnknownSnapshot, match="has no snapshot among its inputs"):
        trace(history.store, "bare", "1")
    with pytest.raises(UnknownSnapshot, match="bare version 2 was registered without the run"):
        trace(history.store, "bare", "2")
    with pytest.raises(MlflowException, match="not found"):
        trace(history.store, "bare", "3")
    with pytest.raises(UnknownSnapshot, match=r"has no snapshot 'f{32}'"):
        trained_on(history.store, "f" * 32)


def test_a_store_without_the_snapshot_is_told_by_name(models, history, tmp_path):
    with own_store(tmp_path) as other:
        for look in (lambda: trace(other, "a", "1"), lambda: trained_on(other, history.old.bars)):
            with pytest.raises(UnknownSnapshot, match=f"the store {other.files.url} has no"):
                look()
