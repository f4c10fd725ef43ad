"""The distance: Evidently's "Wasserstein distance (normed)", against rows that are sorted already.

Between samples of n and m values it is the area between their quantile functions. Both are steps,
and where the steps lie depends on n and m alone: one list of pairs serves every column.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

LEAST_SPREAD = 1e-3
"""What Evidently divides by at least, so that a column without spread has a distance too."""
CELLS = 1 << 19
"""Values that are compared at once: 4 MB, so that they are in cache when they are read again."""


@dataclass(frozen=True, eq=False)
class Coupling:
    """Which order statistics of two samples face each other, and over what probability.

    Attributes:
        reference: shape (steps,), places in the first sample, sorted.
        current: shape (steps,), places in the second one, sorted.
        weight: shape (steps,), probabilities; they sum to 1.
    """

    reference: npt.NDArray[np.intp]
    current: npt.NDArray[np.intp]
    weight: Array


@lru_cache(maxsize=8)
def coupling(n: int, m: int) -> Coupling:
    """Of n with m values; in whole units of 1 / (n m), so that no step is lost to rounding."""
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    weight = np.diff(ends, prepend=0) / (n * m)
    return Coupling((ends - 1) // m, (ends - 1) // n, weight)


def normed_wasserstein(reference: Array, current: Array, spread: Array) -> Array:
    """∫₀¹ |Q(u) - q(u)| du / max(spread, 0.001), Q and q the samples' quantile functions.

    Equal to Evidently 0.7.23's ``wasserstein`` (scipy.stats.wasserstein_distance over the standard
    deviation of the reference). O(n + m) a column, as nothing is sorted here.

    Args:
        reference: shape (columns, n), every row ascending.
        current: shape (columns, m), every row ascending.
        spread: shape (columns,), standard deviations of the reference.

    Returns:
        Shape (columns,), in standard deviations of the reference.
    """
    pairs = coupling(reference.shape[1], current.shape[1])
    distance = np.empty(len(reference))
    for part in blocks(len(reference), pairs.weight.size):
        gaps = np.take(reference[part], pairs.reference, axis=1)
        gaps -= np.take(current[part], pairs.current, axis=1)
        distance[part] = np.abs(gaps, out=gaps) @ pairs.weight
    return distance / np.maximum(spread, LEAST_SPREAD)


def blocks(count: int, size: int) -> Iterator[slice]:
    """Slices of 0..count, each of as many things of a size as fit in :data:`CELLS`."""
    step = max(1, CELLS // max(size, 1))
    return (slice(begin, min(begin + step, count)) for begin in range(0, count, step))
