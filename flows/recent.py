"""Recent: what a model reads and says now, as a table that its reference is checked with."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from ordinis_mlflow.bars import Bars
from ordinis_mlflow.drift import DriftTable, drift_table
from ordinis_mlflow.features import VOLATILITY_FLOOR, BarArrays, FeatureSet, History
from ordinis_mlflow.flavor import SignalModel
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.judging import features_of_model
from ordinis_mlflow.signal import Signal

BLOCK = 4096
"""Windows whose features are computed at a time."""
Times = npt.NDArray[np.int64]
Windows = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Recent:
    """What is known up to now.

    Attributes:
        table: of the newest bars; without rows where no symbol has a whole window.
        times: of all bars up to now, UTC nanoseconds, ascending, each once.
    """

    table: DriftTable
    times: Times


def recent_bars(model: SignalModel, bars: Bars, rows: int) -> Recent:
    """The newest rows of each symbol that has a whole window; the others are left out.

    Args:
        model: it is asked what it says of them.
        bars: of its frequency.
        rows: of a symbol, at most.

    Raises:
        InvalidBars: another frequency, or numbers that are too extreme for the model.
        InvalidConfig: the installed feature set is not the model's.
    """
    lookback = model.contract.lookback
    times = np.unique(np.concatenate([each.nanoseconds() for each in bars.series()]))
    long = tuple(each for each in bars.series() if len(each) >= lookback)
    if not long:
        nothing = pd.DataFrame(columns=list(Signal.names()), dtype=np.float64)
        return Recent(recent_table(model, times[:0], [], nothing), times)
    newest = Bars(long).latest(lookback + rows - 1)
    said = model.signals(newest)
    windows = (
        sliding_window_view(each.values, lookback, axis=0).swapaxes(1, 2)
        for each in newest.series()
    )
    return Recent(recent_table(model, nanoseconds(said["timestamp"]), windows, said), times)


def recent_table(
    model: SignalModel, times: Times, windows: Iterable[Windows], said: pd.DataFrame
) -> DriftTable:
    """Features of the windows' last rows beside what was said of them.

    Args:
        model: that was asked.
        times: shape (n,), of the windows' last bars.
        windows: parts of shape (m, lookback, 5), together of n windows.
        said: n rows with the fields of Signal.

    Raises:
        InvalidConfig: the installed feature set is not the model's.
    """
    features, contract = features_of_model(model), model.contract
    blocks = (each[at : at + BLOCK] for each in windows for at in range(0, len(each), BLOCK))
    none = np.empty((0, len(features.names)))
    values = np.concatenate([none, *(_last_rows(features, each) for each in blocks)])
    forecast = Forecast(contract.horizon, contract.degrees_of_freedom, contract.no_trade_band)
    volatility = values[:, features.names.index(contract.volatility)]
    signal = Signal(*(said[name].to_numpy() for name in Signal.names()))
    unit = forecast.unit(volatility, VOLATILITY_FLOOR)
    return drift_table(times, values, features.names, signal, unit)


def nanoseconds(times: "pd.Series[pd.Timestamp]") -> Times:
    """UTC nanoseconds of known times."""
    return np.asarray(pd.DatetimeIndex(times).as_unit("ns").asi8, dtype=np.int64)


def _last_rows(features: FeatureSet, windows: Windows) -> npt.NDArray[np.float64]:
    """A feature reads no bar but its look-back, so these are the rows of the whole history."""
    newest = BarArrays.of(windows[:, -features.lookback :])
    return np.asarray(features.compute(newest, History())[:, -1])
