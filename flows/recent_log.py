"""Recent, as the prediction log tells it: what was really asked and answered."""

from pathlib import Path

import numpy as np
import pandas as pd

from flows.recent import Recent, nanoseconds, recent_table
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.flavor import SignalModel
from ordinis_mlflow.prediction_log.read import LoggedPredictions, read

BAR = ["symbol", "bar_time"]


def recent_log(
    model: SignalModel, name: str, version: str, folder: Path, until: pd.Timestamp | None, rows: int
) -> Recent:
    """Features of the windows that a version was asked, and its outputs as logged.

    A bar that was asked about several times counts once, as it was answered last. Answers without
    symbol or time of their bar, and those whose window was not kept, are left out.

    Args:
        model: of which the log tells; it is not asked again.
        name: of it in the registry.
        version: of it.
        folder: of the log.
        until: newest bar that counts; None for all.
        rows: times of bars that are read, the newest.

    Raises:
        InvalidConfig: the log holds no such bar, or windows that are not the model's.
        PredictionLogError: there is no log, or it cannot be read.
    """
    known = read(folder, name, version, columns=["bar_time", "answered_at"]).frame.dropna()
    if until is not None:
        known = known[known["bar_time"] <= until]
    if known.empty:
        raise InvalidConfig(
            f"the prediction log in {folder} has no answer of {name} version {version} with the "
            f"time of its bar{'' if until is None else f' until {until}'}: check whether the "
            "server writes into that folder, and whether it is asked with bars and not windows"
        )
    times = np.unique(nanoseconds(known["bar_time"]))
    first, last = pd.to_datetime(times[-rows:][[0, -1]], utc=True)
    since = known["answered_at"][known["bar_time"] >= first].min()
    logged = read(folder, name, version, since=since, inputs=True)
    lookback = model.contract.lookback
    if len(logged) and logged.windows is not None and logged.windows.shape[1] != lookback:
        raise InvalidConfig(
            f"the log's windows have {logged.windows.shape[1]} bars, and {name} version {version} "
            f"reads {lookback}: they were answered by another model"
        )
    said, windows = _newest(logged, first, last)
    return Recent(recent_table(model, nanoseconds(said["bar_time"]), [windows], said), times)


def _newest(
    logged: LoggedPredictions, first: pd.Timestamp, last: pd.Timestamp
) -> tuple[pd.DataFrame, np.ndarray]:
    """The last answer of each symbol and bar from ``first`` to ``last``, and its window."""
    frame = logged.frame
    inside = frame["bar_time"].between(first, last) & frame["symbol"].notna()
    kept = np.flatnonzero(inside & ~frame.duplicated(BAR, keep="last"))
    assert logged.windows is not None  # they were asked for
    return frame.iloc[kept], logged.windows[kept]
