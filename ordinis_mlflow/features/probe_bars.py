"""Fixed bars on which a computation is recognised: made by formula, equal on every machine."""

import numpy as np
import numpy.typing as npt


def probe_bars(n: int) -> npt.NDArray[np.float64]:
    """Bars that look like a market: trends, clusters of volatility, gaps; no random generator.

    Sums of sines of incommensurate frequencies give the same values under every NumPy version,
    which a seeded generator does not promise.

    Args:
        n: number of bars.

    Returns:
        Shape (n, 5), float64; columns open, high, low, close, volume.
    """
    t = np.arange(n, dtype=np.float64)
    swing = 0.6 + 0.4 * np.sin(0.037 * t)
    noise = np.sin(12.9898 * t) + np.sin(78.233 * t + 1.0) + np.sin(37.719 * t + 2.0)
    close = 100.0 * np.exp(0.05 * np.sin(0.011 * t) + 0.006 * np.cumsum(swing * noise) / 3.0)
    opened = close * np.exp(0.004 * swing * np.sin(3.7 * t + 0.5))
    high = np.maximum(opened, close) * np.exp(0.003 * swing * (1.5 + np.sin(5.1 * t)))
    low = np.minimum(opened, close) * np.exp(-0.003 * swing * (1.5 + np.sin(7.3 * t)))
    volume = 1e6 * np.exp(0.5 * np.sin(0.23 * t) + 0.3 * np.sin(9.1 * t + 0.2))
    return np.stack([opened, high, low, close, volume], axis=-1)
