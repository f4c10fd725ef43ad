"""The windowed primitives: all that a feature may do along time, for history and for a graph.

Arrays have time as their last axis, oldest first. A primitive that reads ``n`` bars gives only the
rows for which all ``n`` exist, so its result is ``n - 1`` rows shorter and is aligned to the newest
row. Two implementations hold the same promise and are held equal by tests:

- :class:`History` joins windows of half the size. A row's bits depend on the bars it reads and on
  nothing else, so computing only new rows gives exactly what computing all of them would.
- :class:`Banded` multiplies by a banded matrix, which costs a traced graph one node, and gives only
  the newest rows that are asked for.
"""

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.features import kernels
from ordinis_mlflow.features.kernels import Array, Kernel, Taps


def newest(x: Array, like: Array) -> Array:
    """The newest rows of ``x``, as many as ``like`` has."""
    return x[..., x.shape[-1] - like.shape[-1] :]


def change(x: Array, n: int) -> Array:
    """``x[t] - x[t - n]``, shape (..., time - n)."""
    return x[..., n:] - x[..., :-n]


class Windowed(ABC):
    """What a feature may ask about the bars behind each row."""

    @abstractmethod
    def filter(self, x: Array, kernel: Kernel) -> Array:
        """Finite impulse response ``y[t] = sum_k taps[k] x[t - k]``.

        Args:
            x: shape (..., time).
            kernel: its taps.

        Returns:
            Shape (..., time - length + 1).
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

    @abstractmethod
    def wider(self, rows: int) -> "Windowed":
        """For the inner one of two nested primitives: gives ``rows`` more than this one.

        A primitive over ``n`` bars of what another gives needs ``wider(n - 1)`` for that other.
        """

    def mean(self, x: Array, n: int) -> Array:
        """Mean over the ``n`` newest bars, shape (..., time - n + 1)."""
        return self.filter(x, kernels.mean(n))

    def highest(self, x: Array, n: int) -> Array:
        """Largest of the ``n`` newest bars, shape (..., time - n + 1)."""
        size = 1
        while size < n:  # windows may overlap: a maximum does not mind
            step = min(size, n - size)
            x = array_namespace(x).maximum(x[..., step:], x[..., :-step])
            size += step
        return x

    def lowest(self, x: Array, n: int) -> Array:
        """Smallest of the ``n`` newest bars, shape (..., time - n + 1)."""
        return -self.highest(-x, n)


class History(Windowed):
    """For years of bars, under any array library.

    The last filtered array is kept: MACD's histogram begins with the line, which comes before it.
    """

    def __init__(self) -> None:
        self._last: tuple[Array, Kernel | None, Array] = (None, None, None)

    def filter(self, x: Array, kernel: Kernel) -> Array:
        """See :meth:`Windowed.filter`."""
        if isinstance(kernel, kernels.Cascade):
            return self.filter(self.filter(x, kernel.first), kernel.second)
        if self._last[0] is not x or self._last[1] != kernel:
            self._last = x, kernel, kernel.slide(x)
        return self._last[2]

    def spread(self, x: Array, n: int) -> tuple[Array, Array]:
        """See :meth:`Windowed.spread`.

        Means and sums of squared deviations of windows of 1, 2, 4, ... bars, joined as by Chan,
        Golub and LeVeque 1979: no value is squared, so that calm windows keep their digits.
        """
        total, power = None, _Moments(x, None, 1)
        while True:
            if n & power.size:
                total = power if total is None else total.behind(power)
            if total is not None and total.size == n:
                break
            power = power.behind(power)
        xp = array_namespace(x)
        squares = xp.zeros_like(x) if total.squares is None else total.squares
        return newest(x, total.mean) - total.mean, xp.sqrt(squares / n)

    def wider(self, rows: int) -> "History":
        """See :meth:`Windowed.wider`: all rows are given anyway."""
        return self


class _Moments:
    """Mean and sum of squared deviations from it, of every window of ``size`` bars."""

    def __init__(self, mean: Array, squares: Array | None, size: int) -> None:
        self.mean, self.squares, self.size = mean, squares, size

    def behind(self, older: "_Moments") -> "_Moments":
        """Windows of both sizes together, the other's bars just before these."""
        size = self.size + older.size
        rows = min(self.mean.shape[-1], older.mean.shape[-1] - self.size)
        end = older.mean.shape[-1] - self.size
        mean = self.mean[..., self.mean.shape[-1] - rows :]
        gap = older.mean[..., end - rows : end] - mean
        squares = gap * gap
        squares *= self.size * older.size / size
        if self.squares is not None:
            squares += self.squares[..., self.squares.shape[-1] - rows :]
        if older.squares is not None:
            squares += older.squares[..., end - rows : end]
        gap *= older.size / size
        gap += mean
        return _Moments(gap, squares, size)


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
        self._matrices: dict[tuple[int, Kernel], Array] = {}
        self._wider: dict[int, Banded] = {}

    def filter(self, x: Array, kernel: Kernel) -> Array:
        """See :meth:`Windowed.filter`."""
        return array_namespace(x).matmul(x, self._matrix(x, kernel))

    def spread(self, x: Array, n: int) -> tuple[Array, Array]:
        """See :meth:`Windowed.spread`."""
        xp = array_namespace(x)
        mean = self.mean(x, n)
        variance = self.mean(x * x, n) - mean * mean
        return newest(x, mean) - mean, xp.sqrt(xp.maximum(variance, 0.0))

    def highest(self, x: Array, n: int) -> Array:
        """See :meth:`Windowed.highest`."""
        return super().highest(x[..., x.shape[-1] - (self.rows + n - 1) :], n)

    def wider(self, rows: int) -> "Banded":
        """See :meth:`Windowed.wider`."""
        return self._wider.setdefault(rows, Banded(self.rows + rows))

    def _matrix(self, x: Array, kernel: Kernel) -> Array:
        key = (x.shape[-1], kernel)
        if key not in self._matrices:
            matrix = banded_matrix(x.shape[-1], kernel.taps(), self.rows)
            self._matrices[key] = array_namespace(x).asarray(matrix)
        return self._matrices[key]


def banded_matrix(length: int, taps: Taps, rows: int) -> npt.NDArray[np.float64]:
    """The filter as a matrix: ``x @ matrix`` is the newest ``rows`` of ``filter(x, kernel)``.

    Returns:
        Shape (length, rows); the column of a row holds the weights of the bars that it reads.

    Raises:
        InvalidConfig: ``length`` is below ``rows + n - 1``.
    """
    n = len(taps)
    if length < rows + n - 1:
        raise InvalidConfig(
            f"{rows} rows of a window of {n} bars need {rows + n - 1} bars, got {length}: "
            "the feature's lookback is too short for what it reads"
        )
    matrix = np.zeros((length, rows))
    for column in range(rows):
        end = length - rows + column + 1
        matrix[end - n : end, column] = taps[::-1]
    return matrix
