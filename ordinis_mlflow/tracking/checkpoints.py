"""Checkpoints of a run, kept as its artifacts so that any machine can go on from them.

Two files take turns: a process killed while it writes one leaves the other, one epoch older, whole.
"""

import logging
import tempfile
from pathlib import Path

import mlflow

from ordinis_mlflow.errors import CheckpointError
from ordinis_mlflow.network.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

FOLDER = "checkpoints"

_logger = logging.getLogger(__name__)


def log_checkpoint(checkpoint: Checkpoint) -> None:
    """Log to the active run, over the checkpoint before last."""
    slot = len(checkpoint.state.epochs) % 2
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"slot-{slot}.safetensors"
        save_checkpoint(checkpoint, path)
        mlflow.log_artifact(str(path), FOLDER)


def latest_checkpoint(run_id: str) -> Checkpoint | None:
    """The newest whole checkpoint of a run; None if it has none."""
    files = mlflow.MlflowClient().list_artifacts(run_id, FOLDER)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            path = mlflow.artifacts.download_artifacts(
                run_id=run_id, artifact_path=file.path, dst_path=folder
            )
            try:
                found.append(load_checkpoint(Path(path)))
            except CheckpointError as error:
                _logger.warning("passing over a checkpoint of run %s: %s", run_id, error)
    return max(found, key=lambda each: len(each.state.epochs), default=None)
