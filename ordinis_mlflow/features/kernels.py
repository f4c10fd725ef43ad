"""Kernels: linear filters with a finite memory, as a formula and as the way to run it fast.

A kernel says what a filter is (its taps, which a graph multiplies by) and how to slide it along
years of bars. Sliding joins windows of half the size, then of a quarter, and so on: an average over
93 bars takes ten passes instead of 93, and each row is the same tree of sums over the bars that it
reads. So a row's bits depend on those bars and on nothing else, which a running sum does not give.

A recursive average has no finite memory; ours are cut where the weight left out falls below
:data:`LEFT_OUT` of the whole, and renormalised.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = Any  # numpy.ndarray or torch.Tensor: whatever array-api-compat knows
Taps: TypeAlias = npt.NDArray[np.float64]

LEFT_OUT = 1e-3
"""Share of a recursive average's weight that its finite memory leaves out."""


class Kernel(ABC):
    """``y[t] = sum_k taps[k] x[t - k]``, newest first, of a fixed length. Hashable."""

    @property
    @abstractmethod
    def length(self) -> int:
        """How many bars it reads."""

    @abstractmethod
    def taps(self) -> Taps:
        """Shape (length,), newest first."""

    @abstractmethod
    def slide(self, x: Array) -> Array:
        """The filter along the last axis.

        Args:
            x: shape (..., time), with time ≥ ``length``.

        Returns:
            Shape (..., time - length + 1).
        """


@dataclass(frozen=True)
class Geometric(Kernel):
    """``ratio**k`` for k < bars, over their sum: a mean where the ratio is 1."""

    ratio: float
    bars: int

    @property
    def length(self) -> int:
        """See :meth:`Kernel.length`."""
        return self.bars

    def taps(self) -> Taps:
        """See :meth:`Kernel.taps`."""
        powers = self._powers()
        taps: Taps = powers / powers.sum()
        return taps

    def slide(self, x: Array) -> Array:
        """See :meth:`Kernel.slide`: windows of 1, 2, 4, ... bars, joined by the length's bits."""
        total: Array = None
        covered = 0
        power, size = x, 1
        while covered < self.bars:
            if self.bars & size:
                total = power if total is None else self._join(total, power, covered)
                covered += size
            if covered < self.bars:
                power = self._join(power, power, size)
                size *= 2
        return total * (1.0 / float(self._powers().sum()))

    def _powers(self) -> Taps:
        powers: Taps = self.ratio ** np.arange(self.bars, dtype=np.float64)
        return powers

    def _join(self, newer: Array, older: Array, covered: int) -> Array:
        """A window of ``covered`` bars, and behind it the older one."""
        rows = min(newer.shape[-1], older.shape[-1] - covered)
        end = older.shape[-1] - covered
        front, behind = newer[..., newer.shape[-1] - rows :], older[..., end - rows : end]
        if self.ratio == 1.0:
            return front + behind
        behind = behind * self.ratio**covered
        behind += front
        return behind


@dataclass(frozen=True)
class Weighted(Kernel):
    """Any taps, newest first; as many passes as there are taps."""

    weights: tuple[float, ...]

    @property
    def length(self) -> int:
        """See :meth:`Kernel.length`."""
        return len(self.weights)

    def taps(self) -> Taps:
        """See :meth:`Kernel.taps`."""
        return np.array(self.weights)

    def slide(self, x: Array) -> Array:
        """See :meth:`Kernel.slide`."""
        rows = x.shape[-1] - self.length + 1
        total = x[..., self.length - 1 :] * self.weights[0]
        for k in range(1, self.length):
            start = self.length - 1 - k
            total = total + x[..., start : start + rows] * self.weights[k]
        return total


@dataclass(frozen=True)
class Difference(Kernel):
    """The first less the second."""

    first: Kernel
    second: Kernel

    @property
    def length(self) -> int:
        """See :meth:`Kernel.length`."""
        return max(self.first.length, self.second.length)

    def taps(self) -> Taps:
        """See :meth:`Kernel.taps`."""
        first, second = self.first.taps(), self.second.taps()
        padded = np.zeros(self.length)
        padded[: len(first)] += first
        padded[: len(second)] -= second
        return padded

    def slide(self, x: Array) -> Array:
        """See :meth:`Kernel.slide`."""
        rows = x.shape[-1] - self.length + 1
        return self.first.slide(x)[..., -rows:] - self.second.slide(x)[..., -rows:]


@dataclass(frozen=True)
class Cascade(Kernel):
    """The second filter on what the first one gives."""

    first: Kernel
    second: Kernel

    @property
    def length(self) -> int:
        """See :meth:`Kernel.length`."""
        return self.first.length + self.second.length - 1

    def taps(self) -> Taps:
        """See :meth:`Kernel.taps`."""
        return np.convolve(self.first.taps(), self.second.taps())

    def slide(self, x: Array) -> Array:
        """See :meth:`Kernel.slide`."""
        return self.second.slide(self.first.slide(x))


IDENTITY = Geometric(1.0, 1)
"""The newest bar alone."""


def mean(n: int) -> Kernel:
    """The mean over ``n`` bars."""
    return Geometric(1.0, n)


def exponential(alpha: float) -> Kernel:
    """An exponential average with finite memory.

    Args:
        alpha: weight of the newest value in the recursion ``y = alpha x + (1 - alpha) y``.

    Returns:
        Taps ``(1 - alpha)**k`` for ``k < memory``, normalised, where memory is the smallest number
        of bars with ``(1 - alpha)**memory <= LEFT_OUT``.
    """
    return Geometric(1.0 - alpha, math.ceil(math.log(LEFT_OUT) / math.log1p(-alpha)))


def ema(span: int) -> Kernel:
    """The exponential moving average over ``span`` bars: alpha = 2 / (span + 1)."""
    return exponential(2.0 / (span + 1))


def wilder(period: int) -> Kernel:
    """Wilder's smoothing over ``period`` bars: alpha = 1 / period (Wilder 1978)."""
    return exponential(1.0 / period)
