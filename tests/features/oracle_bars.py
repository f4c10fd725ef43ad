"""Bars on which features are compared with other libraries, and how they are compared."""

import numpy as np
import pandas as pd
from arch.data import sp500

from ordinis_mlflow.features import BarArrays, Feature, History, probe_bars

COLUMNS = ("open", "high", "low", "close", "volume")
WARM_UP = 1000
"""Bars after which the start of TA-Lib's recursions weighs less than 1e-15 (ADX 14, TRIX 15)."""


def real_bars() -> pd.DataFrame:
    bars = sp500.load()[["Open", "High", "Low", "Close", "Volume"]].astype(np.float64)
    return bars.set_axis(COLUMNS, axis=1)


def made_bars() -> pd.DataFrame:
    return pd.DataFrame(probe_bars(5000), columns=COLUMNS)


MARKETS = {"sp500": real_bars, "probe": made_bars}


def rows_of(feature: Feature, bars: pd.DataFrame) -> np.ndarray:
    """The feature over all bars, NaN in its warm-up."""
    rows = feature.compute(BarArrays.of(bars.to_numpy()), History())
    return np.concatenate([np.full(len(bars) - len(rows), np.nan), rows])


def largest_gap(mine: np.ndarray, theirs: np.ndarray) -> float:
    """Largest difference after the warm-up, in standard deviations of the feature."""
    mine, theirs = mine[WARM_UP:], theirs[WARM_UP:]
    return float(np.max(np.abs(mine - theirs)) / np.std(theirs))
