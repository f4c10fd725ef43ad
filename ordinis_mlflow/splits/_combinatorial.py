"""Combinatorial purged k-fold: many test paths instead of one."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.splits._periods import NOTHING, Duration, checked_duration
from ordinis_mlflow.splits._purge import apart, date_blocks, refuse_nothing
from ordinis_mlflow.splits._times import Index, Mask, checked_times, positions

MOST_SPLITS = 100_000
"""More models than anybody trains: 20 folds of which 10 are tested are 184,756 already."""


@dataclass(frozen=True)
class CombinatorialPurgedKFold:
    """Every choice of ``n_test_folds`` out of ``n_folds`` blocks of dates is the test part once.

    There are C(N, k) splits; each block is tested in C(N - 1, k - 1) of them, and so as many whole
    histories, or paths, can be put together from test parts alone (López de Prado 2018, Advances in
    Financial Machine Learning, ch. 12). Purge and embargo are those of `PurgedKFold`, around each
    block by itself: what lies between two test blocks stays to train on.

    Twelve daily samples with labels of one day, two of three blocks tested:

        >>> import numpy as np
        >>> starts = np.datetime64("2024-01-01", "ns") + np.arange(12) * np.timedelta64(1, "D")
        >>> ends = starts + np.timedelta64(1, "D")
        >>> cv = CombinatorialPurgedKFold(n_folds=3, n_test_folds=2)
        >>> for train, test in cv.split(starts, ends):
        ...     print(train, test)
        [ 9 10 11] [0 1 2 3 4 5 6 7]
        [5 6] [ 0  1  2  3  8  9 10 11]
        [0 1 2] [ 4  5  6  7  8  9 10 11]
        >>> cv.paths()  # the split that tests block 0, 1, 2 on each path
        array([[0, 0, 1],
               [1, 2, 2]])
        >>> predictions = np.repeat([[0], [1], [2]], 12, axis=1)  # of split 0, 1, 2
        >>> cv.reconstruct(predictions, starts, ends)
        array([[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1],
               [1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2]])

    Attributes:
        n_folds: at least 2.
        n_test_folds: at least 1 and fewer than ``n_folds``.
        embargo: a duration, 0 or more; kept as nanoseconds.

    Raises:
        InvalidConfig: a number is out of its range, there would be more than 100,000 splits, or the
            embargo is no duration.
    """

    n_folds: int = 10
    n_test_folds: int = 2
    embargo: Duration = NOTHING

    def __post_init__(self) -> None:
        whole = isinstance(self.n_folds, Integral) and isinstance(self.n_test_folds, Integral)
        if not (whole and 1 <= self.n_test_folds < self.n_folds):
            raise InvalidConfig(
                "n_test_folds and n_folds must be whole numbers, n_test_folds 1 or more and below "
                f"n_folds, got {self.n_test_folds!r} of {self.n_folds!r}"
            )
        if self.get_n_splits() > MOST_SPLITS:
            raise InvalidConfig(
                f"{self.n_test_folds} of {self.n_folds} folds are {self.get_n_splits()} splits, "
                f"more than {MOST_SPLITS}: each trains a model; lower n_folds or n_test_folds"
            )
        object.__setattr__(self, "embargo", checked_duration("embargo", self.embargo))

    def get_n_splits(
        self, starts: npt.NDArray[Any] | None = None, ends: npt.NDArray[Any] | None = None
    ) -> int:
        """How many pairs :meth:`split` yields; the same for all samples."""
        return math.comb(self.n_folds, self.n_test_folds)

    @property
    def n_paths(self) -> int:
        """How often every date is tested."""
        return math.comb(self.n_folds - 1, self.n_test_folds - 1)

    def paths(self) -> Index:
        """Which split tests which block on which path.

        Returns:
            (n_paths, n_folds): numbers of splits. A path takes each block's predictions from a
            split that tested it; all paths together use every test part of every split once.
        """
        tested = list(self._chosen())
        columns = [
            [number for number, chosen in enumerate(tested) if fold in chosen]
            for fold in range(self.n_folds)
        ]
        return np.array(columns, dtype=np.int64).T

    def reconstruct(
        self,
        predictions: npt.NDArray[Any],
        starts: npt.NDArray[Any],
        ends: npt.NDArray[Any],
    ) -> npt.NDArray[Any]:
        """Whole histories, put together from test parts alone.

        Args:
            predictions: (n_splits, n, ...): what the model of each split says of each sample; only
                samples that the split tests are read.
            starts: (n,) as given to :meth:`split`.
            ends: (n,) as given to :meth:`split`.

        Returns:
            (n_paths, n, ...): on each path one prediction of each sample.

        Raises:
            InvalidConfig: there is not one row for each split and one column for each sample.
        """
        start_times, end_times = checked_times(starts, ends)
        expected = (self.get_n_splits(), len(start_times))
        if predictions.shape[:2] != expected:
            raise InvalidConfig(
                f"predictions must have one row for each split and one column for each sample, "
                f"{expected}, got shape {predictions.shape}"
            )
        blocks = np.array(date_blocks(start_times, end_times, self.n_folds))
        return predictions[self.paths()[:, blocks.argmax(axis=0)], np.arange(len(start_times))]

    def split(
        self, starts: npt.NDArray[Any], ends: npt.NDArray[Any]
    ) -> Iterator[tuple[Index, Index]]:
        """Ascending positions to train on and to test on; arguments and errors as `PurgedKFold`."""
        start_times, end_times = checked_times(starts, ends)
        embargo = checked_duration("embargo", self.embargo)
        blocks = np.array(date_blocks(start_times, end_times, self.n_folds))
        clear = np.array([apart(start_times, end_times, block, embargo) for block in blocks])
        for chosen in self._chosen():
            train = np.logical_and.reduce(clear[[*chosen]])
            refuse_nothing(train, f"the split that tests folds {chosen}")
        return (_pair(clear[[*chosen]], blocks[[*chosen]]) for chosen in self._chosen())

    def _chosen(self) -> Iterator[tuple[int, ...]]:
        return combinations(range(self.n_folds), self.n_test_folds)


def _pair(clear: Mask, tested: Mask) -> tuple[Index, Index]:
    """Train clear of each tested block, test in any; (n_test_folds, n) both."""
    return positions(np.logical_and.reduce(clear)), positions(np.logical_or.reduce(tested))
