"""Random markets: bars in which nothing can be foreseen, or as much as is asked for."""

import numpy as np
import pandas as pd

DAYS, SYMBOLS = 500, ("AAA", "BBB")


def market(seed, days=DAYS, symbols=SYMBOLS, momentum=0.0, together=0.5):
    """Daily bars with clusters of volatility, a market that moves all, and momentum if asked for.

    Args:
        seed: of everything.
        days: bars a symbol.
        symbols: their names.
        momentum: correlation of each return with the one before.
        together: correlation between symbols.
    """
    from ordinis_mlflow.bars import Bars, SymbolBars

    rng = np.random.default_rng(seed)
    times = pd.date_range("2020-01-01", periods=days, freq="D", tz="UTC")
    common = rng.standard_normal(days)
    parts = []
    for symbol in symbols:
        shocks = np.sqrt(together) * common + np.sqrt(1 - together) * rng.standard_normal(days)
        calm = 0.01 * np.exp(0.4 * np.sin(np.arange(days) / 20.0 + rng.uniform(0, 6)))
        for t in range(1, days):
            shocks[t] = momentum * shocks[t - 1] + np.sqrt(1 - momentum**2) * shocks[t]
        close = 100.0 * np.exp(np.cumsum(calm * shocks))
        opened = close * np.exp(0.3 * calm * rng.standard_normal(days))
        high = np.maximum(opened, close) * np.exp(0.5 * calm * np.abs(rng.standard_normal(days)))
        low = np.minimum(opened, close) * np.exp(-0.5 * calm * np.abs(rng.standard_normal(days)))
        volume = 1e6 * np.exp(0.5 * rng.standard_normal(days))
        parts.append(
            SymbolBars(symbol, times, np.stack([opened, high, low, close, volume], axis=1))
        )
    return Bars(tuple(parts))
