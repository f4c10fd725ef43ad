"""The 14 factors as others write them: in pandas by groupby, and by TA-Lib for each symbol."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import talib

from ordinis_mlflow.features import kernels

Average = Callable[[pd.Series, float], pd.Series]
"""The exponential average of one symbol's series, with a weight of the newest value."""
OF_TALIB = (
    "rsi_14",
    "macd_12_26",
    "macd_histogram_12_26_9",
    "bollinger_percent_b_20",
    "average_true_range_14",
)
WILDER, FAST, SLOW, SIGNAL = 1 / 14, 2 / 13, 2 / 27, 2 / 10


def recursive(x: pd.Series, alpha: float) -> pd.Series:
    """As it is in text books: over the whole past."""
    return x.ewm(alpha=alpha, adjust=False).mean()


def finite(x: pd.Series, alpha: float) -> pd.Series:
    """As ours: with a finite memory, by its weights."""
    weights = kernels.exponential(alpha).taps()[::-1]
    return x.rolling(len(weights)).apply(lambda window: window @ weights, raw=True)


def by_pandas(bars: pd.DataFrame, average: Average) -> pd.DataFrame:
    """Every factor by groupby and transform, from a long table of symbol, time and bar."""
    symbol, close, volume = bars["symbol"], bars["close"], bars["volume"]

    def each(x: pd.Series, compute: Callable[[pd.Series], pd.Series]) -> pd.Series:
        return x.groupby(symbol, sort=False).transform(compute)

    def mean(x: pd.Series) -> pd.Series:
        return each(x, lambda own: own.rolling(20).mean())

    def std(x: pd.Series) -> pd.Series:
        return each(x, lambda own: own.rolling(20).std(ddof=0))

    def smooth(x: pd.Series, alpha: float) -> pd.Series:
        return each(x, lambda own: average(own, alpha))

    before = each(close, lambda own: own.shift())
    returns, move = np.log(close / before), close - before
    span, body = np.log(bars["high"] / bars["low"]) ** 2, np.log(close / bars["open"]) ** 2
    rises, falls = smooth(move.clip(lower=0), WILDER), smooth(-move.clip(upper=0), WILDER)
    macd = smooth(close, FAST) - smooth(close, SLOW)
    true_range = np.maximum(bars["high"], before) - np.minimum(bars["low"], before)
    garman_klass = 0.5 * mean(span) - (2 * math.log(2) - 1) * mean(body)
    past = {n: each(close, lambda own, n=n: own.shift(n)) for n in (1, 5, 10, 20)}
    return pd.DataFrame(
        {
            **{f"log_return_{n}": np.log(close / past[n]) for n in past},
            "realised_volatility_20": np.sqrt(mean(returns**2)),
            "parkinson_volatility_20": np.sqrt(mean(span) / (4 * math.log(2))),
            "garman_klass_volatility_20": np.sqrt(garman_klass.clip(lower=0)),
            "rsi_14": 100 * rises / (rises + falls),
            "macd_12_26": macd / close,
            "macd_histogram_12_26_9": (macd - smooth(macd, SIGNAL)) / close,
            "bollinger_percent_b_20": 0.5 + (close - mean(close)) / (4 * std(close)),
            "average_true_range_14": smooth(true_range, WILDER) / close,
            "high_low_range": (bars["high"] - bars["low"]) / close,
            "volume_z_score_20": (volume - mean(volume)) / std(volume),
        }
    )


def by_talib(bars: pd.DataFrame) -> pd.DataFrame:
    """The factors that TA-Lib has, symbol by symbol from a long table into a long table."""
    tables = [_of_one(own) for _, own in bars.groupby("symbol", sort=False)]
    return pd.concat(tables)


def _of_one(bars: pd.DataFrame) -> pd.DataFrame:
    high, low, close = (bars[name].to_numpy() for name in ("high", "low", "close"))
    return pd.DataFrame(
        dict(zip(OF_TALIB, arrays_of_talib(high, low, close), strict=True)), bars.index
    )


def arrays_of_talib(high: np.ndarray, low: np.ndarray, close: np.ndarray) -> list[np.ndarray]:
    """Nothing but the calls: arrays in, arrays out."""
    macd, _, histogram = talib.MACD(close, 12, 26, 9)
    upper, _, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    return [
        talib.RSI(close, 14),
        macd / close,
        histogram / close,
        (close - lower) / (upper - lower),
        talib.ATR(high, low, close, 14) / close,
    ]
