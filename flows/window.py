"""One window of a walk: fit on what was known at the refit, predict what came after.

Each window is a child run with its numbers and its predictions, by which a walk that was killed
finds what is done.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from flows.foretold import foretold
from flows.training import Training
from ordinis_mlflow.baselines import ALL
from ordinis_mlflow.network import SignalLSTM, fit, predict
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.prepare import Prepared, samples_of
from ordinis_mlflow.scoring.forecast import log_score_nats
from ordinis_mlflow.splits import HoldoutSplit, Window

WINDOW = "ordinis.window"
"""Tag of a child run: when it was refitted."""
PREDICTIONS = "predictions.parquet"
MODEL = "model"


@dataclass(frozen=True, eq=False)
class Walked:
    """What one window gave.

    Attributes:
        refit: when.
        run_id: of its child run.
        metrics: by stable names.
        test: positions in ``rows.ready`` of the rows that it predicts.
        predictions: of those, the model's first, then each baseline's.
    """

    refit: np.datetime64
    run_id: str
    metrics: Mapping[str, float]
    test: np.ndarray
    predictions: tuple[Prediction, ...]


def walk_window(training: Training, split: HoldoutSplit, window: Window, parent: str) -> str:
    """Fit and predict one window in a child run of its own.

    Returns:
        The child run's id.
    """
    client = MlflowClient()
    experiment = client.get_run(parent).info.experiment_id
    tags = {
        MLFLOW_PARENT_RUN_ID: parent,
        MLFLOW_RUN_NAME: f"refit {str(window.refit)[:10]}",
        WINDOW: str(window.refit),
    }
    run_id = client.create_run(experiment, tags=tags).info.run_id
    try:
        prepared, network, epochs = _fitted(training, split)
        said, in_sample = _said(training, prepared, network)
        known = np.concatenate([split.train, split.validation])
        others = [e.predict(prepared.rows, known, split.test, training.forecast) for e in ALL]
        predictions = (said, *others)
        metrics = _metrics(training, prepared, predictions, in_sample, epochs)
        _keep(client, run_id, split, predictions, metrics)
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, "FINISHED")
    return run_id


def read_window(run: Run) -> Walked:
    """What a finished window kept."""
    with tempfile.TemporaryDirectory() as folder:
        path = mlflow.artifacts.download_artifacts(
            run_id=run.info.run_id, artifact_path=PREDICTIONS, dst_path=folder
        )
        table = pd.read_parquet(path)
    predictions = tuple(
        Prediction(str(name), *(part[column].to_numpy() for column in Prediction.columns()))
        for name, part in table.groupby("forecaster", sort=False)
    )
    test = table["row"].to_numpy()[: len(predictions[0])]
    refit = np.datetime64(run.data.tags[WINDOW])
    return Walked(refit, run.info.run_id, run.data.metrics, test, predictions)


def _fitted(training: Training, split: HoldoutSplit) -> tuple[Prepared, SignalLSTM, int]:
    """The scaler and the network of this window."""
    config, rows = training.config, training.prepared.rows
    prepared = samples_of(
        rows,
        split,
        training.prepared.scaler.names,
        config.sequence_length,
        training.options.scaler,
        training.data.features.name,
    )
    network = SignalLSTM.untrained(prepared.train.table.shape[1], config)
    state = fit(network, prepared.train, prepared.validation, config)
    return prepared, network, len(state.epochs)


def _said(
    training: Training, prepared: Prepared, network: SignalLSTM
) -> tuple[Prediction, np.ndarray]:
    """The network's predictions of the test rows, and its log scores on the training rows."""
    freedom = training.forecast.degrees_of_freedom
    signal = foretold(training.forecast, prepared, network, training.options.recalibrate)
    fitted = predict(network, prepared.train)
    in_sample = log_score_nats(prepared.train.labels, *fitted, freedom)
    return Prediction.of_signal(MODEL, signal, freedom), in_sample


def _metrics(
    training: Training,
    prepared: Prepared,
    predictions: Sequence[Prediction],
    in_sample: np.ndarray,
    epochs: int,
) -> dict[str, float]:
    """Mean log scores in units of volatility: of the training rows, and of the test rows of all."""
    rows = prepared.rows
    at = rows.ready[prepared.split.test]
    metrics = {
        "train/log_score_nats": float(in_sample.mean()),
        "train/rows": float(len(in_sample)),
        "train/epochs": float(epochs),
        "test/rows": float(len(at)),
    }
    for each in predictions:
        units = rows.units[at]
        scores = log_score_nats(
            rows.labels[at], each.mean / units, each.scale / units, each.degrees_of_freedom
        )
        prefix = "test" if each.name == MODEL else f"test_{each.name}"
        metrics[f"{prefix}/log_score_nats"] = float(scores.mean())
    return metrics


def _keep(
    client: MlflowClient,
    run_id: str,
    split: HoldoutSplit,
    predictions: Sequence[Prediction],
    metrics: Mapping[str, float],
) -> None:
    frames = [
        pd.DataFrame({column: getattr(each, column) for column in Prediction.columns()}).assign(
            forecaster=each.name, row=split.test
        )
        for each in predictions
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / PREDICTIONS
        pd.concat(frames).to_parquet(path, index=False)
        client.log_artifact(run_id, str(path))
    for name, value in metrics.items():
        client.log_metric(run_id, name, value)
