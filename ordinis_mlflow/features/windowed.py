"""The windowed primitives: all that a feature may do along time, for history and for a graph.

Arrays have time as their last axis, oldest first. A primitive that reads ``n`` bars gives only the
rows for which all ``n`` exist, so its result is ``n - 1`` rows shorter and is aligned to the newest
row. Two implementations hold the same promise and are held equal by tests:

- :class:`History` sums shifted slices. A row's bits depend on the bars it reads and on nothing
  else, so computing only new rows gives exactly what computing all of them would.
- :class:`Banded` multiplies by a banded matrix, which costs a traced graph one node, and gives only
  the newest rows that are asked for.

A recursive average has no finite memory; ours are cut where the weight left out falls below
:data:`LEFT_OUT` of the whole, and renormalised.
"""

import math
from abc import ABC, abstractmethod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace

from ordinis_mlflow.errors import InvalidConfig

Array: TypeAlias = Any  # numpy.ndarray or torch.Tensor: whatever array-api-compat knows
Weights: TypeAlias = npt.NDArray[np.float64]

LEFT_OUT = 1e-3
"""Share of a recursive average's weight that its finite memory leaves out."""


def newest(x: Array, like: Array) -> Array:
    """The newest rows of ``x``, as many as ``like`` has."""
    return x[..., x.shape[-1] - like.shape[-1] :]


def change(x: Array, n: int) -> Array:
    """``x[t] - x[t - n]``, shape (..., time - n)."""
    return x[..., n:] - x[..., :-n]


def exponential_weights(alpha: float) -> Weights:
    """Weights of an exponential average with finite memory, newest first, summing to one.

    Args:
        alpha: weight of the newest value in the recursion ``y = alpha x + (1 - alpha) y``.

    Returns:
        ``(1 - alpha)**k`` for ``k < memory``, normalised, where memory is the smallest number of
        bars with ``(1 - alpha)**memory <= LEFT_OUT``.
    """
    memory = math.ceil(math.log(LEFT_OUT) / math.log1p(-alpha))
    weights: Weights = (1.0 - alpha) ** np.arange(memory, dtype=np.float64)
    weights /= weights.sum()
    return weights


def ema_weights(span: int) -> Weights:
    """Weights of the exponential moving average over ``span`` bars: alpha = 2 / (span + 1)."""
    return exponential_weights(2.0 / (span + 1))


def wilder_weights(period: int) -> Weights:
    """Weights of Wilder's smoothing over ``period`` bars: alpha = 1 / period (Wilder 1978)."""
    return exponential_weights(1.0 / period)


class Windowed(ABC):
    """What a feature may ask about the bars behind each row."""

    @abstractmethod
    def filter(self, x: Array, weights: Weights) -> Array:
        """Finite impulse response ``y[t] = sum_k weights[k] x[t - k]``.

        Args:
            x: shape (..., time).
            weights: shape (n,), newest first.

        Returns:
            Shape (..., time - n + 1).
        """

    @abstractmethod
    def spread(self, x: Array, n: int) -> tuple[Array, Array]:
        """How far the newest value lies from the window's mean, and the standard deviation.

        Args:
            x: shape (..., time).
            n: window in bars. The deviation divides by ``n`` (population).

        Returns:
            ``x[t] - mean`` and ``std``, each of shape (..., time - n + 1). In a window of equal
            values both are zero but for rounding: 1e-7 of the level at most.
        """

    def mean(self, x: Array, n: int) -> Array:
        """Mean over the ``n`` newest bars, shape (..., time - n + 1)."""
        return self.filter(x, np.full(n, 1.0 / n))


class History(Windowed):
    """Sums of shifted slices: for years of bars, under any array library."""

    def filter(self, x: Array, weights: Weights) -> Array:
        """See :meth:`Windowed.filter`."""
        rows = x.shape[-1] - len(weights) + 1
        total = x[..., len(weights) - 1 :] * float(weights[0])
        for k in range(1, len(weights)):
            start = len(weights) - 1 - k
            total = total + x[..., start : start + rows] * float(weights[k])
        return total

    def spread(self, x: Array, n: int) -> tuple[Array, Array]:
        """See :meth:`Windowed.spread`; two passes, centred on the newest value."""
        xp = array_namespace(x)
        rows = x.shape[-1] - n + 1
        newest_value = x[..., n - 1 :]
        lagged = [x[..., n - 1 - k : n - 1 - k + rows] - newest_value for k in range(1, n)]
        mean = sum(lagged) / n
        squares = mean * mean + sum((deviation - mean) ** 2 for deviation in lagged)
        return -mean, xp.sqrt(squares / n)


class Banded(Windowed):
    """Products with banded matrices: for the few dozen bars of a served window.

    The variance is E[x²] − E[x]², each over the row's own window: its relative error is about
    1e-16 (level / std)², 1e-12 where values vary by 1 % of their level. Centring on one bar of the
    whole would be closer on most days, and off without bound after a calm stretch.

    Args:
        rows: how many rows every primitive gives, the newest ones.
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self._matrices: dict[tuple[int, bytes], Array] = {}

    def filter(self, x: Array, weights: Weights) -> Array:
        """See :meth:`Windowed.filter`."""
        return array_namespace(x).matmul(x, self._matrix(x, weights))

    def spread(self, x: Array, n: int) -> tuple[Array, Array]:
        """See :meth:`Windowed.spread`."""
        xp = array_namespace(x)
        mean = self.mean(x, n)
        variance = self.mean(x * x, n) - mean * mean
        return newest(x, mean) - mean, xp.sqrt(xp.maximum(variance, 0.0))

    def _matrix(self, x: Array, weights: Weights) -> Array:
        key = (x.shape[-1], weights.tobytes())
        if key not in self._matrices:
            matrix = banded_matrix(x.shape[-1], weights, self.rows)
            self._matrices[key] = array_namespace(x).asarray(matrix)
        return self._matrices[key]


def banded_matrix(length: int, weights: Weights, rows: int) -> npt.NDArray[np.float64]:
    """The filter as a matrix: ``x @ matrix`` is the newest ``rows`` of ``filter(x, weights)``.

    Returns:
        Shape (length, rows); the column of a row holds the weights of the bars that it reads.

    Raises:
        InvalidConfig: ``length`` is below ``rows + n - 1``.
    """
    n = len(weights)
    if length < rows + n - 1:
        raise InvalidConfig(
            f"{rows} rows of a window of {n} bars need {rows + n - 1} bars, got {length}: "
            "the feature's lookback is too short for what it reads"
        )
    matrix = np.zeros((length, rows))
    for column in range(rows):
        end = length - rows + column + 1
        matrix[end - n : end, column] = weights[::-1]
    return matrix
