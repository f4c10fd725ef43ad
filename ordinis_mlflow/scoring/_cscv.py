"""Combinatorially symmetric cross-validation: every half of the blocks against the other half."""

import math
from functools import lru_cache
from itertools import chain, combinations

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring._vectors import Vector

Table = npt.NDArray[np.float64]


def sharpes_of_halves(returns: Table, blocks: int) -> Table:
    """Sharpe ratio per bar of every column on every half of the blocks, (T, N) -> (C, N).

    From sums over blocks, so that a half costs `blocks` additions and not T / 2. Half i and half
    C - 1 - i complement each other. 0.0 where a column is 0 throughout a half.

    Raises:
        InvalidConfig: A column is constant, but not 0, on a half.
    """
    spread = returns.std(axis=0)
    z = (returns - returns.mean(axis=0)) / spread  # or squares would cancel around a large mean
    edges = np.arange(blocks) * len(returns) // blocks
    halves = _halves(blocks)
    count = halves @ np.diff(edges, append=len(returns))[:, None]
    mean = halves @ np.add.reduceat(z, edges) / count
    variance = (halves @ np.add.reduceat(z * z, edges) / count - mean**2) * count / (count - 1)
    idle = halves @ np.logical_and.reduceat(returns == 0, edges) == blocks // 2
    _refuse_constant((variance < 1e-12) & ~idle)
    deviation = np.sqrt(np.where(idle, 1, variance))
    # Rounded, or equal columns would differ by the order of their additions.
    return np.where(idle, 0, np.round((mean + returns.mean(axis=0) / spread) / deviation, 10))


def mean_ranks(values: Table, chosen: npt.NDArray[np.bool_]) -> Vector:
    """Rank from 1 that the chosen value has in its row, (C, N) -> (C,).

    Equal values share their mean rank; where several are chosen, the mean of their ranks.
    """
    total = np.zeros(len(values))
    for column in range(values.shape[1]):
        rows = np.flatnonzero(chosen[:, column])
        row, value = values[rows], values[rows, column, None]
        below, equal = (row < value).sum(axis=1), (row == value).sum(axis=1)
        total[rows] += below + (equal + 1) / 2
    mean: Vector = total / chosen.sum(axis=1)
    return mean


@lru_cache(maxsize=4)
def _halves(blocks: int) -> Table:
    """1.0 where a block is in a half, (C, blocks) with C = blocks choose blocks / 2; read only."""
    half = blocks // 2
    chosen = np.fromiter(chain.from_iterable(combinations(range(blocks), half)), dtype=np.intp)
    member = np.zeros((math.comb(blocks, half), blocks))
    np.put_along_axis(member, chosen.reshape(-1, half), 1.0, axis=1)
    member.flags.writeable = False
    return member


def _refuse_constant(constant: npt.NDArray[np.bool_]) -> None:
    """Refuse (C, N) where a column that traded did not vary on a half."""
    bad = np.flatnonzero(constant.any(axis=0))
    if bad.size:
        raise InvalidConfig(
            f"a Sharpe ratio needs returns that vary on each half, but column {int(bad[0])} is "
            f"constant on one ({bad.size} such columns); drop them, or take fewer blocks"
        )
