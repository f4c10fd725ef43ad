"""Generated bars of the size of Qlib's published table, and the 14 factors computed of them.

The table: 800 stocks, every day of 2007 to 2020, 14 factors, on one core (Yang, Liu, Zhou, Bian and
Liu 2020, Qlib: An AI-oriented Quantitative Investment Platform, table 1).
"""

import numpy as np
import pandas as pd

from ordinis_mlflow.bars import Bars, SymbolBars
from ordinis_mlflow.features import TECHNICAL_1, FeatureSet
from ordinis_mlflow.features.price import log_return

SYMBOLS = 800
DAYS = pd.bdate_range("2007-01-01", "2020-12-31", tz="UTC").as_unit("ns")
FACTORS = FeatureSet("factors", 1, (*TECHNICAL_1.features, log_return(10)))
SEED = 7


def market(symbols: int = SYMBOLS, days: int = len(DAYS)) -> Bars:
    """Random walks: 1.5 % a day, ranges and gaps of 0.5 %, log-normal volume."""
    random = np.random.default_rng(SEED)
    parts = (_walk(random, days) for _ in range(symbols))
    return Bars(
        tuple(SymbolBars(f"S{i:04d}", DAYS[:days], values) for i, values in enumerate(parts))
    )


def _walk(random: np.random.Generator, days: int) -> np.ndarray:
    normal = random.standard_normal((5, days))
    close = 100.0 * np.exp(np.cumsum(0.015 * normal[0]))
    opened = close * np.exp(0.005 * normal[1])
    high = np.maximum(opened, close) * np.exp(0.005 * np.abs(normal[2]))
    low = np.minimum(opened, close) * np.exp(-0.005 * np.abs(normal[3]))
    return np.stack([opened, high, low, close, np.exp(13.0 + 0.5 * normal[4])], axis=-1)
