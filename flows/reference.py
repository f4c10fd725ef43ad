"""Reference: what is normal for a model, kept with it so that drift can be told by it."""

import mlflow
import numpy as np

from flows.training import Training
from ordinis_mlflow.drift import DriftTable, drift_table, fit_reference
from ordinis_mlflow.errors import InvalidDriftReference
from ordinis_mlflow.signal import Signal

TAG = "ordinis.drift_reference"


def fitted_rows(training: Training) -> np.ndarray:
    """Rows of the table that the model was fitted or chosen by."""
    split = training.prepared.split
    return training.prepared.rows.ready[np.concatenate([split.train, split.validation])]


def reference_table(training: Training, rows: np.ndarray, signal: Signal) -> DriftTable:
    """Features and outputs of those rows.

    Args:
        training: what the model was made from.
        rows: of :func:`fitted_rows`.
        signal: what the model says of them.
    """
    made = training.prepared.rows
    times = made.times[rows].astype("datetime64[ns]").astype(np.int64)
    names = training.options.feature_set().names
    return drift_table(times, made.features[rows], names, signal, made.units[rows])


def reference_of(training: Training, signal: Signal) -> bytes:
    """The package's drift reference; empty, with a warning, where the rows are too few for one.

    Args:
        training: what the model was made from.
        signal: what the model says of :func:`fitted_rows`.
    """
    table = reference_table(training, fitted_rows(training), signal)
    try:
        reference = fit_reference(table, training.options.feature_set().lookback)
    except InvalidDriftReference as error:
        print(f"warning: the model is kept without a drift reference: {error}")
        mlflow.set_tag(TAG, f"none: {error}"[:5000])
        return b""
    mlflow.set_tag(TAG, f"{len(table)} rows of {len(table.columns)} columns")
    return reference.to_bytes()
