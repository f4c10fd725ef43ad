"""Stabiliser: a monotone map a column, after which one outlier no longer makes the distance.

A Wasserstein distance is in units of the values, so that a heavy tail or a volatility that clusters
lets a few values decide it. A monotone map keeps what the distance compares, the order of the
values, and evens out their sizes.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Table = npt.NDArray[np.float64]

SKEWED = 1.0
"""A positive column with more skewness than this is read on a log scale."""
LEAST_RATIO = 1e-6
"""Share of the median below which a log scale sees no difference: a zero is far out, not -inf."""
LARGEST = 1e150
"""Scaled values beyond it are read as it: their squares would overflow."""
NORMAL_MAD = 1.4826
"""Standard deviation of a normal over its median absolute deviation."""


@dataclass(frozen=True, eq=False)
class Stabiliser:
    """``log(max(x / scale, 1e-6))`` or ``arcsinh((x - center) / scale)``, column by column.

    Attributes:
        logarithmic: shape (columns,), bool; the columns that are read on a log scale.
        center: shape (columns,), in the columns' units; 0 where logarithmic.
        scale: shape (columns,), positive, in the columns' units.
    """

    logarithmic: npt.NDArray[np.bool_]
    center: Table
    scale: Table

    @classmethod
    def fit(cls, table: Table) -> "Stabiliser":
        """Choose from reference rows alone.

        A column that is positive and skewed gets the logarithm, with its median as scale; every
        other one the inverse hyperbolic sine of robustly standardised values: linear near the
        median, logarithmic in both tails. Its scale is 1.4826 times the median absolute deviation;
        where more than half of the values are equal, the standard deviation; of a constant, 1.

        Args:
            table: shape (rows, columns), finite.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # a scale may come out as not finite
            median = np.median(table, axis=0)
            deviation = np.median(np.abs(table - median), axis=0) * NORMAL_MAD
            spread = np.std(table, axis=0)
            logarithmic = (table.min(axis=0) > 0) & (_skewness(table) > SKEWED)
        robust = np.where(deviation > 0, deviation, np.where(spread == 0, 1.0, spread))
        return cls(
            logarithmic,
            np.where(logarithmic, 0.0, median),
            np.where(logarithmic, median, robust),
        )

    def take(self, columns: npt.NDArray[np.intp] | slice) -> "Stabiliser":
        """That of some of the columns."""
        return Stabiliser(self.logarithmic[columns], self.center[columns], self.scale[columns])

    def apply(self, table: Table) -> Table:
        """Stabilised values; what is not finite stays so.

        Args:
            table: shape (rows, columns).

        Returns:
            Shape (rows, columns), without unit.
        """
        with np.errstate(over="ignore"):
            scaled: Table = (table - self.center) / self.scale
        skewed, others = self.logarithmic, ~self.logarithmic
        scaled[:, skewed] = np.log(np.clip(scaled[:, skewed], LEAST_RATIO, LARGEST))
        scaled[:, others] = _arcsinh(scaled[:, others])
        return scaled


def _arcsinh(x: Table) -> Table:
    """As NumPy's, five times as fast: NumPy has a vectorised log1p, and calls C for arcsinh."""
    size = np.minimum(np.abs(x), LARGEST)
    square = size * size
    size += square / (1.0 + np.sqrt(1.0 + square))
    return np.asarray(np.copysign(np.log1p(size), x))


def _skewness(table: Table) -> Table:
    """Third standardised moment; 0 for a constant column."""
    centred = table - table.mean(axis=0)
    spread = np.sqrt(np.mean(centred**2, axis=0))
    return np.asarray(np.mean((centred / np.where(spread > 0, spread, 1.0)) ** 3, axis=0))
