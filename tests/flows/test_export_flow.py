"""Export: a finished run's checkpoint, packaged again."""

import hashlib
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from flows.export import main
from flows.training import load, record
from ordinis_mlflow import flavor
from ordinis_mlflow.errors import CheckpointError
from ordinis_mlflow.network.checkpoint import load_checkpoint
from ordinis_mlflow.tracking import tracked_run


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def exported(trained, tracking_store):
    """(run, folder of its model) of an export with other graphs and another name."""
    main(["--run_id", trained.run_id, "--int8", "false", "--register", "again"])
    version = MlflowClient().get_model_version("again", "1")
    folder = mlflow.artifacts.download_artifacts("models:/again/1")
    return mlflow.get_run(version.run_id), Path(folder)


def test_run(exported, trained):
    run, _ = exported
    assert run.info.status == "FINISHED"
    assert run.info.run_id != trained.run_id
    assert run.data.tags["ordinis.exported_from"] == trained.run_id
    assert run.data.params["register"] == "again"
    assert run.data.params["int8"] == "False"
    assert run.data.params["hidden_dim"] == trained.run.data.params["hidden_dim"]


def test_the_graph_is_the_same(exported, trained):
    _, folder = exported
    assert digest(folder / "model.onnx") == digest(trained.model / "model.onnx")
    assert digest(folder / "scaler.json") == digest(trained.model / "scaler.json")
    assert digest(folder / "contract.json") == digest(trained.model / "contract.json")
    assert not (folder / "model.int8.onnx").exists()


def test_the_signals_are_the_same(exported, trained):
    _, folder = exported
    bars = trained.published.training.bars
    one, other = (flavor.load_model(str(each)).signals(bars) for each in (folder, trained.model))
    assert one.equals(other)


def test_the_checkpoint_goes_along(exported, trained):
    _, folder = exported
    one, other = (
        load_checkpoint(each / "checkpoint.safetensors") for each in (folder, trained.model)
    )
    assert one.state.epochs == other.state.epochs


def test_the_numbers_are_the_same(exported, trained):
    run, _ = exported
    # Others may have tried meanwhile, and luck is counted over all attempts.
    counted = {"test/trials_count", "test/deflated_sharpe_share", "test/pbo_share"}
    for name, value in trained.run.data.metrics.items():
        if name.startswith("test") and name not in counted:
            assert run.data.metrics[name] == value


def test_a_run_without_a_checkpoint_is_refused(options, network, run_ids):
    with tracked_run({}, {}) as run:
        record(load(options, network))
    before = run_ids()
    with pytest.raises(CheckpointError, match="has no checkpoint: it ended before an epoch did"):
        main(["--run_id", run.info.run_id])
    assert run_ids() == before
