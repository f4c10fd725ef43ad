"""Checkpoints as artifacts: two that take turns, the newest whole one counts."""

from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
import torch

from ordinis_mlflow.network import Checkpoint
from ordinis_mlflow.network.state import Epoch
from ordinis_mlflow.tracking.checkpoints import latest_checkpoint, log_checkpoint

pytestmark = pytest.mark.usefixtures("tracking_store")


def of_epoch(checkpoint: Checkpoint, number: int) -> Checkpoint:
    epochs = tuple(Epoch(i, 1.0 / i, 1.0 / i) for i in range(1, number + 1))
    return replace(checkpoint, state=replace(checkpoint.state, epochs=epochs))


@pytest.fixture
def run_with(small_checkpoint):
    """A run that has logged the first epochs' checkpoints, and their folder."""

    def make(epochs):
        with mlflow.start_run() as run:
            for number in range(1, epochs + 1):
                log_checkpoint(of_epoch(small_checkpoint, number))
        folder = Path(run.info.artifact_uri.removeprefix("file://")) / "checkpoints"
        return run.info.run_id, folder

    return make


def test_none():
    with mlflow.start_run() as run:
        pass
    assert latest_checkpoint(run.info.run_id) is None


@pytest.mark.parametrize("epochs", [1, 2, 5])
def test_the_newest_counts(run_with, small_checkpoint, epochs):
    run_id, folder = run_with(epochs)
    found = latest_checkpoint(run_id)
    assert len(found.state.epochs) == epochs
    for name, value in small_checkpoint.state.weights.items():
        assert torch.equal(found.state.weights[name], value)
    assert len(list(folder.iterdir())) == min(epochs, 2)


@pytest.mark.parametrize("damage", ["cut", "empty", "garbage"])
def test_a_half_written_one_is_passed_over(run_with, damage, caplog):
    run_id, folder = run_with(4)
    newest = folder / "slot-0.safetensors"
    content = newest.read_bytes()
    newest.write_bytes({"cut": content[: len(content) // 2], "empty": b""}.get(damage, b"\0" * 64))
    assert len(latest_checkpoint(run_id).state.epochs) == 3
    assert "passing over a checkpoint" in caplog.text


def test_both_damaged(run_with):
    run_id, folder = run_with(2)
    for path in folder.iterdir():
        path.write_bytes(b"")
    assert latest_checkpoint(run_id) is None
