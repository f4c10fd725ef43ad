"""Checkpoints: whole or refused."""

import json
from dataclasses import replace

import pytest
import torch
from learnable import CONFIG, assert_same_tensors, network, samples
from safetensors import safe_open
from safetensors.torch import save_file

from ordinis_mlflow.errors import CheckpointError, OrdinisError
from ordinis_mlflow.network import Checkpoint, checkpoint, fit, load_checkpoint, save_checkpoint


@pytest.fixture(scope="module")
def saved():
    config = replace(CONFIG, epochs=2)
    state = fit(network(), samples(60), samples(20, 1), config, device=torch.device("cpu"))
    return Checkpoint(state, config, 3, "ab" * 32)


@pytest.fixture
def path(saved, tmp_path):
    path = tmp_path / "slot-0.safetensors"
    save_checkpoint(saved, path)
    return path


def rewritten(path, header, tensors=None):
    """The same file with another header."""
    with safe_open(path, framework="pt") as file:
        if tensors is None:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors, path, metadata=header)
    return path


def header_of(path):
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["training"])


def test_round_trip(saved, path):
    loaded = load_checkpoint(path)
    assert loaded.config == saved.config
    assert (loaded.features, loaded.data_digest) == (3, "ab" * 32)
    assert loaded.state.epochs == saved.state.epochs
    assert loaded.state.loss_scaler == saved.state.loss_scaler
    for group in ("weights", "best_weights", "optimizer"):
        assert_same_tensors(getattr(loaded.state, group), getattr(saved.state, group))


def test_best_network_is_ready_to_forecast(saved, path):
    best = load_checkpoint(path).best_network()
    assert not best.training
    assert_same_tensors(best.state_dict(), saved.state.best_weights)


def test_same_state_gives_the_same_bytes(saved, path, tmp_path):
    save_checkpoint(saved, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_loaded_tensors_are_not_the_file(saved, path):
    # A memory-mapped file that is overwritten changes the tensors; one cut short kills the process.
    loaded = load_checkpoint(path)
    with path.open("r+b") as file:
        file.write(b"\x00" * path.stat().st_size)
    assert_same_tensors(loaded.state.weights, saved.state.weights)


def test_every_truncation_is_refused(path):
    content = path.read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    lengths = {0, 1, 7, 8, 9, header - 1, header, header + 1, len(content) // 2, len(content) - 1}
    for length in sorted(lengths):
        path.write_bytes(content[:length])
        with pytest.raises(CheckpointError, match=r"slot-0\.safetensors is not a readable"):
            load_checkpoint(path)


@pytest.mark.parametrize(
    "garbage", [b"garbage", b"\x00" * 4096, b"\xff" * 4096, b"PK\x03\x04" + b"\x00" * 100]
)
def test_garbage_is_refused(path, garbage):
    path.write_bytes(garbage)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert isinstance(caught.value, OrdinisError)
    assert isinstance(caught.value, RuntimeError)


def test_missing_file_and_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(CheckpointError):
            load_checkpoint(path)


def test_pickled_torch_file_is_refused(path, saved):
    torch.save(saved.state.weights, path)
    with pytest.raises(CheckpointError):
        load_checkpoint(path)


@pytest.mark.parametrize("metadata", [None, {}, {"other": "{}"}])
def test_file_without_our_header_is_refused(path, metadata):
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        load_checkpoint(rewritten(path, metadata))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "1", '"x"', "[" * 100_000])
def test_header_that_is_no_object_is_refused(path, text):
    with pytest.raises(CheckpointError):
        load_checkpoint(rewritten(path, {"training": text}))


@pytest.mark.parametrize("number", [0, 2, None, "1"])
def test_other_format_is_refused_with_both_numbers(path, number):
    header = {**header_of(path), "format": number}
    with pytest.raises(CheckpointError, match=f"format {number}, this version reads 1"):
        load_checkpoint(rewritten(path, {"training": json.dumps(header)}))


@pytest.mark.parametrize("part", ["config", "features", "data_digest", "epochs", "loss_scaler"])
def test_header_without_a_part_is_refused(path, part):
    header = {key: value for key, value in header_of(path).items() if key != part}
    with pytest.raises(CheckpointError, match=part):
        load_checkpoint(rewritten(path, {"training": json.dumps(header)}))


@pytest.mark.parametrize(
    "change",
    [
        {"config": {}},
        {"config": []},
        {"config": {**CONFIG.to_dict(), "hidden_dim": 0}},
        {"epochs": [{}]},
        {"epochs": [1]},
        {"epochs": 1},
        {"epochs": [{"number": 1, "train_loss": 0.0, "validation_loss": 0.0, "more": 1}]},
    ],
)
def test_broken_part_is_refused(path, change):
    header = {**header_of(path), **change}
    with pytest.raises(CheckpointError):
        load_checkpoint(rewritten(path, {"training": json.dumps(header)}))


def test_checkpoint_without_weights_is_refused(path):
    metadata = {"training": json.dumps(header_of(path))}
    with pytest.raises(CheckpointError):
        load_checkpoint(rewritten(path, metadata, {"x": torch.zeros(1)})).best_network()


def test_saving_leaves_one_file(path):
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_failed_write_leaves_the_older_checkpoint_whole(saved, path, monkeypatch):
    def cut_short(tensors, filename, metadata):
        filename.write_bytes(b"half a file")
        raise OSError("no space left on device")

    before = path.read_bytes()
    monkeypatch.setattr(checkpoint, "save_file", cut_short)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(saved, path)
    assert path.read_bytes() == before


def test_failed_first_write_leaves_no_checkpoint(saved, tmp_path, monkeypatch):
    def cut_short(tensors, filename, metadata):
        filename.write_bytes(b"half a file")
        raise OSError("no space left on device")

    monkeypatch.setattr(checkpoint, "save_file", cut_short)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(saved, tmp_path / "new.safetensors")
    assert not (tmp_path / "new.safetensors").exists()
