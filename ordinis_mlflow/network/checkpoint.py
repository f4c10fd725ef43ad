"""Checkpoints: a TrainingState in one safetensors file, with all that rebuilds its network.

Tensors are named ``weights.*``, ``best.*`` and ``optimizer.*``; the header holds one JSON text
under ``training``. safetensors is a header and raw numbers: reading it runs no code.
"""

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ordinis_mlflow.errors import CheckpointError
from ordinis_mlflow.network.lstm import LSTMConfig, SignalLSTM
from ordinis_mlflow.network.state import Epoch, Tensors, TrainingState

FORMAT = 1
HEADER = "training"
GROUPS = {"weights": "weights", "best": "best_weights", "optimizer": "optimizer"}


@dataclass(frozen=True)
class Checkpoint:
    """A training's state with what it belongs to.

    Attributes:
        state: after the last finished epoch.
        config: of the training.
        features: number of features that the network reads.
        data_digest: of the bars that it is trained on.
    """

    state: TrainingState
    config: LSTMConfig
    features: int
    data_digest: str

    def best_network(self) -> SignalLSTM:
        """The network with the weights of its best epoch, ready to forecast.

        Raises:
            CheckpointError: the weights are not those of the network that the settings describe.
        """
        network = SignalLSTM(self.features, self.config)
        try:
            network.load_state_dict(self.state.best_weights)
        except RuntimeError as error:
            raise CheckpointError(f"the weights do not fit the settings: {error}") from error
        return network.eval()


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write the file whole or not at all: a temporary name first, then a rename."""
    state = checkpoint.state
    tensors: Tensors = {}
    for prefix, attribute in GROUPS.items():
        for name, value in getattr(state, attribute).items():
            tensors[f"{prefix}.{name}"] = value.clone()
    header = {
        "format": FORMAT,
        "config": checkpoint.config.to_dict(),
        "features": checkpoint.features,
        "data_digest": checkpoint.data_digest,
        "epochs": [asdict(epoch) for epoch in state.epochs],
        "loss_scaler": state.loss_scaler,
    }
    partial = path.with_name(path.name + ".partial")
    try:
        save_file(tensors, partial, metadata={HEADER: json.dumps(header)})
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read what :func:`save_checkpoint` wrote.

    Raises:
        CheckpointError: not a checkpoint, cut short, or of another format.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[HEADER])
            # Copies: what safetensors gives is the mapped file, which another writer may change.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path.name} is not a readable checkpoint: {error}") from error
    number = header.get("format") if isinstance(header, dict) else None
    if number != FORMAT:
        raise CheckpointError(
            f"{path.name} has checkpoint format {number}, this version reads {FORMAT}"
        )
    return _checkpoint(header, tensors, path.name)


def _checkpoint(header: dict[str, Any], tensors: Tensors, name: str) -> Checkpoint:
    try:
        groups = {attribute: _group(tensors, prefix) for prefix, attribute in GROUPS.items()}
        known = {field.name for field in fields(LSTMConfig)}
        config = LSTMConfig(**{key: header["config"][key] for key in known})
        epochs = tuple(Epoch(**epoch) for epoch in header["epochs"])
        state = TrainingState(**groups, loss_scaler=header["loss_scaler"], epochs=epochs)
        return Checkpoint(state, config, header["features"], header["data_digest"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{name} lacks a part of a checkpoint: {error!r}") from error


def _group(tensors: Tensors, prefix: str) -> Tensors:
    start = f"{prefix}."
    return {
        name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)
    }
