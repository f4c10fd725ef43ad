"""Tables of valid bars for the tests."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd


def valid_values(n: int, seed: int = 0) -> npt.NDArray[np.float64]:
    """(n, 5) random bars that obey every rule."""
    rng = np.random.default_rng(seed)
    prices = np.sort(100.0 * np.exp(rng.normal(0.0, 0.02, (n, 4))), axis=1)
    volume = rng.integers(0, 10**9, n).astype(float)
    return np.stack([prices[:, 1], prices[:, 3], prices[:, 0], prices[:, 2], volume], axis=1)


def table(n: int = 5, symbol: str | None = "SPY", seed: int = 0, **changes: Any) -> pd.DataFrame:
    """`n` daily bars in UTC; a keyword replaces a column."""
    frame = pd.DataFrame(valid_values(n, seed), columns=["open", "high", "low", "close", "volume"])
    frame.insert(0, "timestamp", pd.date_range("2020-01-01", periods=n, freq="D", tz="UTC"))
    if symbol is not None:
        frame.insert(0, "symbol", symbol)
    return frame.assign(**changes)
