"""Positions to returns after costs, and what the positions themselves say.

The rule: a position decided at the close of bar t is held over bar t + 1 and earns its simple
return. A position is a fraction of wealth: 1 is fully long, -1 fully short, 0 no trade.
"""

import math
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring._vectors import Vector, vectors

Labels: TypeAlias = npt.NDArray[Any] | pd.Index | pd.Series


def signal_returns(position: npt.ArrayLike, next_return: npt.ArrayLike, cost_bps: float) -> Vector:
    """Simple return of each bar after costs, for one symbol.

        position[t] · next_return[t] - cost_bps / 10⁴ · |position[t] - position[t-1]|

    The position before the first is 0, so entering costs; the last one is not closed.

    Args:
        position: (n,) fraction of wealth held over the next bar, in time order.
        next_return: (n,) simple return of the next bar.
        cost_bps: Cost of trading one's whole wealth once, in basis points; not negative.

    Returns:
        (n,) simple returns.

    Raises:
        InvalidConfig: An array is not finite, lengths differ, or the cost is negative.
    """
    if not 0 <= cost_bps < math.inf:
        raise InvalidConfig(f"cost_bps must be 0 or more and finite, got {cost_bps!r}")
    position, next_return = vectors(position=position, next_return=next_return)
    return position * next_return - cost_bps / 1e4 * _traded(position)


def portfolio_returns(
    times: Labels,
    symbols: Labels,
    position: npt.ArrayLike,
    next_return: npt.ArrayLike,
    cost_bps: float,
) -> pd.Series:
    """Net simple return of the equal-weight portfolio, date by date.

    Each symbol's `signal_returns` in its own time order, averaged over the symbols that are present
    at that time. The position before a gap is the last one that the symbol had.

    Args:
        times: (n,) time of each decision; rows in any order.
        symbols: (n,) symbol of each row; a symbol has one row at a time.
        position: (n,) fraction of the symbol's share of wealth held over the next bar.
        next_return: (n,) simple return of the symbol's next bar.
        cost_bps: As `signal_returns`.

    Returns:
        Series `net_return` of simple returns; index `time`: the distinct times, ascending.

    Raises:
        InvalidConfig: As `signal_returns`; also for no row, a missing time or symbol, or two rows
            of one symbol at one time.
    """
    rows = _panel(times, symbols, position, next_return).sort_values(["symbol", "time"])
    by_symbol = rows.groupby("symbol", sort=False, observed=True)
    net = [signal_returns(one["position"], one["next_return"], cost_bps) for _, one in by_symbol]
    return rows.assign(net_return=np.concatenate(net)).groupby("time")["net_return"].mean()


def turnover_per_bar(position: npt.ArrayLike) -> float:
    """Mean fraction of wealth that is traded per bar: mean of |position[t] - position[t-1]|.

    The position before the first is 0, as in `signal_returns`.

    Args:
        position: (n,) fraction of wealth, one symbol, in time order, n >= 1.

    Returns:
        Fraction of wealth per bar.

    Raises:
        InvalidConfig: No position, or one that is not finite.
    """
    (position,) = vectors(least=1, position=position)
    return float(np.mean(_traded(position)))


def exposure(position: npt.ArrayLike) -> float:
    """Mean fraction of wealth at risk: mean of |position|, long or short.

    Args:
        position: (n,) fraction of wealth, n >= 1, in any order.

    Returns:
        Fraction of wealth; 1.0 is always fully long or short.

    Raises:
        InvalidConfig: No position, or one that is not finite.
    """
    (position,) = vectors(least=1, position=position)
    return float(np.mean(np.abs(position)))


def time_in_market_share(position: npt.ArrayLike, side: Literal[-1, 0, 1] = 0) -> float:
    """Share of bars at which a position was held.

    Args:
        position: (n,) fraction of wealth, n >= 1, in any order.
        side: 1 counts long positions only, -1 short ones only, 0 both.

    Returns:
        A fraction in [0, 1].

    Raises:
        InvalidConfig: No position, one that is not finite, or another side.
    """
    if side not in (-1, 0, 1):
        raise InvalidConfig(f"side must be 1 (long), -1 (short) or 0 (both), got {side!r}")
    (position,) = vectors(least=1, position=position)
    held = np.sign(position)
    return float(np.mean(held == side if side else held != 0))


def hit_rate(direction: npt.ArrayLike, realised: npt.ArrayLike) -> float:
    """Share of the nonzero directions whose sign was that of the outcome.

    An outcome of exactly 0 counts as a miss.

    Args:
        direction: (n,) positive for up, negative for down, 0 for no call.
        realised: (n,) return, log or simple.

    Returns:
        A fraction in [0, 1]; nan if no direction was called.

    Raises:
        InvalidConfig: A value is not finite, or lengths differ.
    """
    direction, realised = vectors(direction=direction, realised=realised)
    called = direction != 0
    if not called.any():
        return math.nan
    return float(np.mean(np.sign(direction[called]) == np.sign(realised[called])))


def _traded(position: Vector) -> Vector:
    """(n,) |position[t] - position[t-1]|, the one before the first being 0."""
    return np.abs(np.diff(position, prepend=0.0))


def _panel(
    times: Labels,
    symbols: Labels,
    position: npt.ArrayLike,
    next_return: npt.ArrayLike,
) -> pd.DataFrame:
    """Checked rows of a panel: columns time, symbol, position, next_return."""
    position, next_return = vectors(least=1, position=position, next_return=next_return)
    keys = pd.Index(times, name="time"), pd.Index(symbols, name="symbol")
    if any(len(key) != position.size for key in keys):
        raise InvalidConfig(
            "times, symbols and position must have one value for each row, got "
            f"{len(keys[0])}, {len(keys[1])} and {position.size}"
        )
    rows = pd.DataFrame({"time": keys[0], "symbol": keys[1]})
    if rows.isna().to_numpy().any():
        raise InvalidConfig("times and symbols must not be missing; drop such rows first")
    twice = rows[rows.duplicated()]
    if len(twice):
        time, symbol = twice.iloc[0]
        raise InvalidConfig(
            f"a symbol must have one row at a time, but {symbol!r} has several at {time} "
            f"({len(twice)} repeated rows); drop the duplicates"
        )
    return rows.assign(position=position, next_return=next_return)
