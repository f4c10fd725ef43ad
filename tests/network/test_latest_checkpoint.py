"""The newest whole checkpoint of a run, also when the newest file was cut short."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import mlflow
import pytest
import torch
from learnable import CONFIG, network, samples

from ordinis_mlflow.network import Checkpoint, fit
from ordinis_mlflow.tracking.checkpoints import latest_checkpoint, log_checkpoint


@pytest.fixture(scope="module")
def states():
    collected = []
    fit(
        network(),
        samples(60),
        samples(20, 1),
        replace(CONFIG, epochs=3),
        device=torch.device("cpu"),
        on_epoch=collected.append,
    )
    return collected


@pytest.fixture
def run(tracking_store):
    with mlflow.start_run() as run:
        yield run.info


def log(states):
    for state in states:
        log_checkpoint(Checkpoint(state, CONFIG, 3, "digest"))


def files(run):
    folder = Path(url2pathname(urlparse(run.artifact_uri).path)) / "checkpoints"
    return {path.name: path for path in folder.iterdir()}


def epochs(run):
    found = latest_checkpoint(run.run_id)
    return found and len(found.state.epochs)


def test_none_before_the_first_epoch(run):
    assert latest_checkpoint(run.run_id) is None


def test_two_files_take_turns_and_the_newest_is_found(run, states):
    for number in (1, 2, 3):
        log(states[number - 1 : number])
        assert epochs(run) == number
    assert sorted(files(run)) == ["slot-0.safetensors", "slot-1.safetensors"]


def test_truncated_newest_gives_the_one_before(run, states, caplog):
    log(states)
    newest = files(run)["slot-1.safetensors"]
    content = newest.read_bytes()
    for length in (0, 100, len(content) // 2, len(content) - 1):
        newest.write_bytes(content[:length])
        assert epochs(run) == 2
    assert run.run_id in caplog.text
    assert "slot-1.safetensors is not a readable checkpoint" in caplog.text


def test_truncated_older_does_not_matter(run, states):
    log(states)
    files(run)["slot-0.safetensors"].write_bytes(b"")
    assert epochs(run) == 3


def test_nothing_whole_is_none(run, states):
    log(states)
    for path in files(run).values():
        path.write_bytes(b"cut")
    assert latest_checkpoint(run.run_id) is None
