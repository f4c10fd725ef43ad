"""A fit of a replay: a model trained at one bar, and what it says of every row.

Each is a run of its own with its signals, by which a replay that was killed finds what is done.
What it says of a row depends on the bars up to that row alone, so that strategies may share it.
"""

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import mlflow
import numpy as np
import numpy.typing as npt
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from flows.foretold import foretold
from flows.replayed_history import History
from flows.training import Training
from ordinis_mlflow.network import SignalLSTM, fit
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.prepare import samples_of
from ordinis_mlflow.signal import Signal
from ordinis_mlflow.splits import HoldoutSplit

FIT = "ordinis.replay.fit"
"""Tag of a fit's run: the newest bar that was known."""
SIGNALS = "signals.parquet"
SECONDS = "train/cpu_seconds"


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model.

    Attributes:
        known: the bar at which it was trained.
        split: what the training read; its test part nobody has chosen anything by.
        signal: what it says of every row of ``rows.ready``.
        seconds: of processor time that the training took.
    """

    known: np.datetime64
    split: HoldoutSplit
    signal: Signal
    seconds: float

    @property
    def fitted(self) -> npt.NDArray[np.int64]:
        """Positions of the rows that it was fitted or chosen by."""
        return np.concatenate([self.split.train, self.split.validation])

    def said(self, index: npt.NDArray[np.int64]) -> Signal:
        """Of some positions."""
        return Signal(*(getattr(self.signal, name)[index] for name in Signal.names()))

    def prediction(
        self, name: str, index: npt.NDArray[np.int64], degrees_of_freedom: float
    ) -> Prediction:
        """The same as a forecaster's."""
        return Prediction.of_signal(name, self.said(index), degrees_of_freedom)


def fit_at(training: Training, known: np.datetime64, split: HoldoutSplit, parent: str) -> str:
    """Train in a run of its own.

    Args:
        training: settings and rows.
        known: the bar at which it is trained.
        split: of :meth:`History.parts` there.
        parent: the run that the fit's is nested under.

    Returns:
        The run's id.
    """
    client = MlflowClient()
    tags = {
        MLFLOW_PARENT_RUN_ID: parent,
        MLFLOW_RUN_NAME: f"fit {str(known)[:10]}",
        FIT: str(known),
    }
    experiment = client.get_run(parent).info.experiment_id
    run_id = client.create_run(experiment, tags=tags).info.run_id
    try:
        signal, metrics = fitted(training, split)
        _keep(client, run_id, signal, metrics)
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, "FINISHED")
    return run_id


def fitted(training: Training, split: HoldoutSplit) -> tuple[Signal, dict[str, float]]:
    """Signals of every row of a model that has learnt from the split, and the training's figures.

    Everything is read before the first step, but weights, scaler and recalibration see the split's
    training and validation rows alone.
    """
    begin, config = time.process_time(), training.config
    rows = training.prepared.rows
    prepared = samples_of(
        rows,
        replace(split, test=np.arange(len(rows.ready))),
        training.prepared.scaler.names,
        config.sequence_length,
        training.options.scaler,
        training.data.features.name,
    )
    network = SignalLSTM.untrained(prepared.train.table.shape[1], config)
    state = fit(network, prepared.train, prepared.validation, config)
    seconds = time.process_time() - begin
    signal = foretold(training.forecast, prepared, network, training.options.recalibrate)
    best = min(state.epochs, key=lambda epoch: epoch.validation_loss)
    return signal, {
        SECONDS: seconds,
        "train/rows": float(len(split.train)),
        "train/epochs": float(len(state.epochs)),
        "validation/loss_nats": best.validation_loss,
    }


def read_fit(run: Run, history: History) -> Fitted:
    """What a finished fit kept."""
    known = np.datetime64(run.data.tags[FIT])
    with tempfile.TemporaryDirectory() as folder:
        path = mlflow.artifacts.download_artifacts(
            run_id=run.info.run_id, artifact_path=SIGNALS, dst_path=folder
        )
        table = pd.read_parquet(path)
    signal = Signal(*(table[name].to_numpy() for name in Signal.names()))
    return Fitted(known, history.parts(known), signal, run.data.metrics[SECONDS])


def _keep(client: MlflowClient, run_id: str, signal: Signal, metrics: dict[str, float]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / SIGNALS
        signal.to_frame().to_parquet(path, index=False)
        client.log_artifact(run_id, str(path))
    for name, value in metrics.items():
        client.log_metric(run_id, name, value)
