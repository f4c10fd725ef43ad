"""Variants: bars that are changed where it must not matter, at the same times, by the same rules.

A bar is seen as one unit: its open, high, low and close as log returns from the close before it,
and its volume. Units may be mirrored, stretched or moved in time: prices stay positive and the high
stays above the low.
"""

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.bars import Bars, SymbolBars

Values = npt.NDArray[np.float64]
STRETCH = 1.25
"""Moves of replaced bars, relative to the true ones: no statistic of them may stay by symmetry."""


def replaced(bars: Bars, since: np.datetime64) -> Bars:
    """All bars from a moment on replaced: their units run backwards, turned over and stretched.

    Args:
        bars: of one or more symbols.
        since: UTC; a symbol that begins later keeps its first bar, from which its prices start.
    """
    return Bars(tuple(_replaced(series, since) for series in bars.series()))


def shuffled(bars: Bars, seed: int) -> Bars:
    """Units in an order drawn at random, for each symbol by itself: nothing is predictable.

    Each symbol keeps its first bar, its last close and the distribution of its moves and volumes.

    Args:
        bars: of one or more symbols.
        seed: of the orders.
    """
    generator = np.random.default_rng(seed)
    return Bars(tuple(_shuffled(series, generator) for series in bars.series()))


def _replaced(series: SymbolBars, since: np.datetime64) -> SymbolBars:
    times = series.nanoseconds().view("datetime64[ns]")
    first = max(1, int(np.searchsorted(times, since)))
    units = _units(series.values)[first - 1 :][::-1].copy()
    prices = -STRETCH * units[:, :4]
    units[:, :4] = prices[:, [0, 2, 1, 3]]  # turned over, the low is the high
    return _with_units(series, first, units)


def _shuffled(series: SymbolBars, generator: np.random.Generator) -> SymbolBars:
    units = _units(series.values)
    return _with_units(series, 1, units[generator.permutation(len(units))])


def _units(values: Values) -> Values:
    """(bars - 1, 5): log returns from the close before, and the volume."""
    before = values[:-1, 3:4]
    return np.concatenate([np.log(values[1:, :4] / before), values[1:, 4:]], axis=1)


def _with_units(series: SymbolBars, first: int, units: Values) -> SymbolBars:
    """The bars up to ``first``, and then those that the units make."""
    start = np.log(series.values[first - 1, 3])
    closes = start + np.cumsum(units[:, 3])
    before = np.concatenate([[start], closes[:-1]])
    made = np.exp(before[:, None] + units[:, :4])
    # Rounding, or a vendor's that was stretched, must not lift an open above its high.
    made[:, 1] = made.max(axis=1)
    made[:, 2] = made.min(axis=1)
    changed = np.concatenate([made, units[:, 4:]], axis=1)
    values = np.concatenate([series.values[:first], changed])
    return SymbolBars(series.symbol, series.timestamps, values)
