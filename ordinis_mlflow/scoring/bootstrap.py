"""The stationary bootstrap: how far a score could be off, for values that depend on each other.

Dates are drawn in blocks of random length, geometric with mean `block`, that wrap around the end
(Politis & Romano 1994); drawn by `arch`. A panel is resampled by date: reduce it to sums per date
first, so that what happened at one time stays together. One draw serves every score of a model:

>>> rng = np.random.default_rng(0)
>>> gain = 0.2 + rng.standard_normal(500)
>>> draws = resample(gain.size, block_length(gain), samples=1000, seed=0)
>>> interval(draws.means(gain))
Interval(low=0.0853..., high=0.2568..., level=0.95)
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring._vectors import Vector, vectors

Array: TypeAlias = npt.NDArray[np.float64]

LEAST = 8
"""Fewest dates: the automatic block length looks at √n + 5 lags, which fewer do not have."""
_ROWS = 16  # of 5,000 float64: 640 kB, so that a chunk is still in cache when it is read again


def block_length(*series: npt.ArrayLike) -> float:
    """Mean length of a block: the longest that any of the series needs.

    The automatic length of Politis & White (2004), as corrected by Patton, Politis & White (2009):
    (2 g² n / d)^(1/3), from the autocovariances up to the lag where they are no longer seen. It is
    at most ⌈min(3 √n, n / 3)⌉: longer blocks are too few to vary. A constant series needs 1, as no
    order of its values changes anything. Costs about 0.5 ms for a series of 5,000.

    Args:
        series: Each (n,) in time order, n >= 8, all of one length.

    Returns:
        Dates, from 1 to ⌈min(3 √n, n / 3)⌉.

    Raises:
        InvalidConfig: No series, too few values, one that is not finite, or different lengths.
    """
    if not series:
        raise InvalidConfig("a block length needs at least one series, got none")
    named = {f"series {i}": values for i, values in enumerate(series)}
    return max(1.0, *(_automatic_length(x) for x in vectors(least=LEAST, **named)))


@dataclass(frozen=True, eq=False)
class Resamples:
    """Which dates were drawn, `samples` times n of n.

    Attributes:
        index: (samples, n) int32, position of each drawn date, in the order of the draw.
    """

    index: npt.NDArray[np.int32]

    @property
    def samples(self) -> int:
        """How many times n dates were drawn."""
        return int(self.index.shape[0])

    @property
    def n(self) -> int:
        """Number of dates."""
        return int(self.index.shape[1])

    @cached_property
    def counts(self) -> Array:
        """(samples, n) how often each date was drawn; float64, as only products are made of it."""
        counts = np.empty(self.index.shape)
        for row, drawn in zip(counts, self.index, strict=True):
            row[:] = np.bincount(drawn, minlength=self.n)
        return counts

    def means(self, values: npt.ArrayLike) -> Array:
        """Mean of the drawn values, counts @ values / n; give all scores at once as columns.

        Args:
            values: (n,) or (n, k), a value per date.

        Returns:
            (samples,) or (samples, k).

        Raises:
            InvalidConfig: Not one value per date, or one that is not finite.
        """
        means: Array = self.counts @ self._per_date("values", values) / self.n
        return means

    def ratios(self, sums: npt.ArrayLike, weights: npt.ArrayLike) -> Array:
        """Mean over the rows of a panel whose dates do not have equally many.

        counts @ sums / (counts @ weights). nan where the drawn dates have no weight at all:
        `interval` leaves such draws out.

        Args:
            sums: (n,) or (n, k), sum of the values of each date.
            weights: Shape of sums or (n,), number of values of each date; not negative.

        Returns:
            (samples,) or (samples, k).

        Raises:
            InvalidConfig: Not one value per date, shapes differ, or a weight is negative.
        """
        sums, weights = self._per_date("sums", sums), self._per_date("weights", weights)
        if np.any(weights < 0) or weights.shape not in (sums.shape, sums.shape[:1]):
            raise InvalidConfig(
                f"weights must be counts of shape {sums.shape} or {sums.shape[:1]} that are not "
                f"negative, got shape {weights.shape} and a least of {np.min(weights)}"
            )
        above, below = self.counts @ sums, self.counts @ weights
        if above.ndim > below.ndim:
            below = below[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            ratios: Array = np.where(below > 0, above / below, np.nan)
        return ratios

    def paths(self, values: npt.NDArray[Any], rows: int = _ROWS) -> Iterator[npt.NDArray[Any]]:
        """The drawn values in the order of the draw, for scores that depend on it.

        Args:
            values: (n,) a value per date; its dtype is kept.
            rows: Samples per chunk.

        Yields:
            (rows, n), the last one shorter. The next chunk is written over it: copy what you keep.

        Raises:
            InvalidConfig: Not one value per date, or one that is not finite.
        """
        self._per_date("values", values)
        chunk = np.empty((rows, self.n), values.dtype)
        for start in range(0, self.samples, rows):
            index = self.index[start : start + rows]
            # Every index is in range; "clip" only spares the copy that the default mode makes.
            yield np.take(values, index, out=chunk[: len(index)], mode="clip")

    def _per_date(self, name: str, values: npt.ArrayLike) -> Array:
        """Checked (n,) or (n, k)."""
        array = np.asarray(values, dtype=np.float64)
        if array.ndim not in (1, 2) or array.shape[0] != self.n or not np.isfinite(array).all():
            raise InvalidConfig(
                f"{name} must be finite, of shape ({self.n},) or ({self.n}, k), got {array.shape} "
                f"with {int(np.sum(~np.isfinite(array)))} values that are not finite; give one row "
                "for each date that was drawn from"
            )
        return array


def resample(n: int, block: float, samples: int = 1000, seed: int = 0) -> Resamples:
    """Draw n of n dates, `samples` times, in blocks of mean length `block`.

    Args:
        n: Number of dates, 8 or more.
        block: Mean dates per block, 1 or more; see `block_length`. 1 is the ordinary bootstrap.
        samples: How many times, positive; an interval of 95 % wants 1,000.
        seed: Not negative; the same one gives the same draw.

    Returns:
        The drawn dates.

    Raises:
        InvalidConfig: A number is outside its range.
    """
    from arch.bootstrap import StationaryBootstrap  # 0.7 s, and scoring is widely imported

    if n < LEAST or not 1 <= block < math.inf or samples < 1 or seed < 0:
        raise InvalidConfig(
            f"a bootstrap needs n >= {LEAST}, block >= 1, samples >= 1 and seed >= 0, "
            f"got {n=}, {block=}, {samples=}, {seed=}; give more dates or correct the setting"
        )
    # arch says int, but only takes the reciprocal.
    drawer = StationaryBootstrap(block, np.arange(n), seed=seed)  # type: ignore[arg-type]
    index = np.empty((samples, n), np.int32)
    for row in index:
        row[:] = drawer.update_indices()
    return Resamples(index)


@dataclass(frozen=True)
class Interval:
    """Where a score lies with probability `level`.

    Attributes:
        low: Lower end, in the unit of the score.
        high: Upper end.
        level: A probability.
    """

    low: float
    high: float
    level: float


def interval(values: npt.ArrayLike, level: float = 0.95) -> Interval:
    """Percentile interval: the quantiles (1 ± level) / 2 of a score's bootstrap values.

    Efron & Tibshirani (1993), chapter 13.

    Args:
        values: (samples,) score of each resample; nan where it does not exist there.
        level: Between 0 and 1.

    Returns:
        The interval of the values that exist; nan ends if none does.

    Raises:
        InvalidConfig: Level outside its range, an infinite value, or not one dimension.
    """
    if not 0 < level < 1:
        raise InvalidConfig(f"level must be between 0 and 1, got {level!r}; 0.95 is usual")
    values = np.asarray(values, dtype=np.float64)
    (exist,) = vectors(values=values[~np.isnan(values)] if values.ndim == 1 else values)
    if not exist.size:
        return Interval(math.nan, math.nan, level)
    low, high = np.quantile(exist, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level)


def _automatic_length(x: Vector) -> float:
    """Automatic mean block length of (n,) values; 1.0 if they are constant."""
    from arch.bootstrap import optimal_block_length

    spread = np.ptp(x)
    if spread == 0:
        return 1.0
    # Scaled, so that squares of small values stay above 0. Division by 0 is left where a long-run
    # variance of 0 makes it: no length is enough then, and the bound holds.
    with np.errstate(divide="ignore", invalid="ignore"):
        length = float(optimal_block_length((x - x.mean()) / spread)["stationary"].iloc[0])
    return math.ceil(min(3 * math.sqrt(x.size), x.size / 3)) if math.isnan(length) else length
