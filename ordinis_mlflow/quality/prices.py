"""Prices that stand still, that jump and come back, and that are on another scale since."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.quality.rules import QualityRules

Bools = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]

WINDOW, LEAST = 60, 20
"""Returns behind a volatility, and how few will do."""
FLOOR = 1e-5
"""Least volatility of a return: a tenth of a basis point."""
NORMAL_MAD = 1.4826022185056018
"""Median absolute deviation to standard deviation, under a normal distribution."""
AFTER = 10
"""Bars after a jump by which it is judged whether the level lasts."""
RATIOS = np.array([1.5, *range(2, 11), 15, 20, 25, 30, 40, 50, 100])
"""New shares for an old one in a split; a reverse split has old ones for a new one."""


def stale(values: Values, bars: int) -> Bools:
    """Which bars belong to a run of at least ``bars`` without any change of price.

    Args:
        values: (n, 5).
        bars: at least 2.
    """
    open_, high, low, close = values[:, :4].T
    still = (open_ == close) & (high == low) & (high == close)
    still[1:] &= close[1:] == close[:-1]
    still[:1] = False
    edges = np.flatnonzero(np.diff(np.concatenate([[0], still.view(np.int8), [0]])))
    result = np.zeros(len(values), dtype=bool)
    for start, end in edges.reshape(-1, 2):
        if end - start >= bars:
            result[start:end] = True
    return result


def usual_move(close: Values) -> Values:
    """(n,) usual size of a return around each bar, its own and the next one's left out.

    The larger of the scaled median and the mean of up to 60 earlier absolute returns: the median
    does not mind an outlier, the mean sees the moves of a price that mostly stands still. The first
    bars are judged by the returns that follow.
    """
    moves = pd.Series(np.abs(np.diff(np.log(close), prepend=np.log(close[:1]))))[1:]
    before, after = _size(moves).shift(1), _size(moves[::-1]).sort_index().shift(-2)
    usual = before.fillna(after).fillna(moves.median() if len(moves) else 0.0)
    return np.maximum(np.concatenate([[np.inf], usual.to_numpy()]), FLOOR)


def _size(moves: "pd.Series[float]") -> "pd.Series[float]":
    rolled = moves.rolling(WINDOW, min_periods=LEAST)
    median, mean = NORMAL_MAD * rolled.median(), rolled.mean()
    return median.where(median > mean, mean)


def outliers(values: Values, rules: QualityRules) -> Bools:
    """Bad ticks: a jump of the close that the next bar takes back, or a high or low far outside.

    After the rule of Brownlees and Gallo 2006, who compare a price with its neighbourhood.

    Args:
        values: (n, 5).
        rules: `jump_sigmas` and `jump_reversal`.
    """
    result = np.zeros(len(values), dtype=bool)
    if len(values) < 3:
        return result
    logs = np.log(values[:, :4])
    open_, high, low, close = logs.T
    limit = rules.jump_sigmas * usual_move(values[:, 3])
    move = np.diff(close, prepend=close[0])
    back = np.append(-np.sign(move[:-1]) * move[1:], -np.inf)
    result |= (np.abs(move) > limit) & (back >= rules.jump_reversal * np.abs(move))
    top, bottom = np.maximum(open_, close), np.minimum(open_, close)
    shadow = np.maximum(high - top, bottom - low)
    return result | (shadow > limit)


def splits(values: Values, rules: QualityRules) -> Iterator[tuple[int, float]]:
    """The bars that open on another scale than the bar before them closed on, for good.

    Args:
        values: (n, 5), bad ticks left out.
        rules: `jump_sigmas` and `split_tolerance`.

    Yields:
        Position and the split's ratio (2.0: the price halved), oldest first.
    """
    if len(values) < 3:
        return
    open_, close = np.log(values[:, 0]), np.log(values[:, 3])
    jump = open_[1:] - close[:-1]
    gaps = np.abs(np.abs(jump)[:, None] - np.log(RATIOS))
    like_a_ratio = gaps.min(axis=1) < rules.split_tolerance
    if not like_a_ratio.any():  # most symbols, without a look at what is usual
        return
    big = np.abs(jump) > rules.jump_sigmas * usual_move(values[:, 3])[1:]
    for place in np.flatnonzero(big & like_a_ratio) + 1:
        size = jump[place - 1]
        level = np.median(close[place : place + AFTER]) - close[place - 1]
        if abs(level - size) < abs(size) / 2:
            ratio = float(RATIOS[gaps[place - 1].argmin()])
            yield int(place), ratio if size < 0 else 1 / ratio
