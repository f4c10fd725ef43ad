"""Rows made of closing prices alone, for whatever reads no features."""

import numpy as np

from ordinis_mlflow.features import VOLATILITY_FLOOR, forward_returns
from ordinis_mlflow.prepare import Rows

DAY = np.timedelta64(86_400_000_000_000, "ns")
WINDOW = 20


def price_rows(closes, horizon, first_ready=WINDOW):
    """Daily rows of each symbol's closes; the unit is the 20-bar volatility.

    ``closes`` is symbol -> (bars,), all starting on one day.
    """
    parts, start = [], 0
    for symbol, close in closes.items():
        n = len(close)
        times = np.datetime64("2020-01-01", "ns") + np.arange(n) * DAY
        units = unit(np.asarray(close, float), horizon)
        labels = forward_returns(close, times, units, horizon)
        ready = np.arange(first_ready, n - horizon) + start
        symbols = np.full(n, symbol)
        features = np.zeros((n, 0))
        parts.append((features, labels.values, units, times, labels.ends, symbols, close, ready))
        start += n
    return Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def unit(close, horizon):
    """Standard deviation of the last 20 log returns times √horizon; NaN in the warm-up."""
    windows = np.lib.stride_tricks.sliding_window_view(np.diff(np.log(close)), WINDOW)
    volatility = np.concatenate([np.full(WINDOW, np.nan), windows.std(axis=1)])
    return np.maximum(volatility, VOLATILITY_FLOOR) * np.sqrt(horizon)


def walk(rows, first_test_bar):
    """(train, test) positions into ``rows.ready`` about a day, purged by the labels' ends."""
    border = rows.times.min() + first_test_bar * DAY
    starts, ends = rows.times[rows.ready], rows.ends[rows.ready]
    return np.flatnonzero(ends < border), np.flatnonzero(starts >= border)


def wild_closes(n, seed, symbols=("AAA", "BBB")):
    """Prices whose volatility comes in clusters, symbol -> (n,)."""
    rng = np.random.default_rng(seed)
    closes = {}
    for symbol in symbols:
        calm = np.exp(0.6 * np.sin(np.arange(n) / rng.uniform(15, 40)))
        closes[symbol] = 100.0 * np.exp(np.cumsum(0.01 * calm * rng.standard_t(6, n)))
    return closes
