"""Purged k-fold: every date is tested once, by a model that saw nothing of its labels."""

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.splits._periods import NOTHING, Duration, checked_duration
from ordinis_mlflow.splits._purge import apart, date_blocks, refuse_nothing
from ordinis_mlflow.splits._times import Index, checked_times, positions


@dataclass(frozen=True)
class PurgedKFold:
    """Cross-validation in blocks of neighbouring dates, with purge and embargo.

    The distinct decision times are cut into ``n_folds`` blocks, the first ones longer by one where
    they do not divide evenly. Each block is the test part once, for all symbols. A sample trains if
    its label [start, end] shares no time with the block's labels, and if it does not start within
    ``embargo`` after the last of them has ended (López de Prado 2018, Advances in Financial Machine
    Learning, ch. 7): labels overlap no further, but features and returns are still alike. Embargo
    adds to purge: a sample waits for the last test label to end, and then for the embargo.

    Nine daily samples with labels of one day, and a day of embargo:

        >>> import numpy as np
        >>> starts = np.datetime64("2024-01-01", "ns") + np.arange(9) * np.timedelta64(1, "D")
        >>> ends = starts + np.timedelta64(1, "D")
        >>> for train, test in PurgedKFold(3, np.timedelta64(1, "D")).split(starts, ends):
        ...     print(train, test)
        [5 6 7 8] [0 1 2]
        [0 1 8] [3 4 5]
        [0 1 2 3 4] [6 7 8]

    Scikit-learn takes the pairs themselves, ``cv=list(splitter.split(starts, ends))``: it would
    hand features and targets to ``split``, where times are asked for.

    Attributes:
        n_folds: at least 2.
        embargo: a duration, 0 or more; kept as nanoseconds.

    Raises:
        InvalidConfig: there are fewer than two folds, or the embargo is no duration.
    """

    n_folds: int = 5
    embargo: Duration = NOTHING

    def __post_init__(self) -> None:
        if not isinstance(self.n_folds, Integral) or self.n_folds < 2:
            raise InvalidConfig(f"n_folds must be a whole number from 2 on, got {self.n_folds!r}")
        object.__setattr__(self, "embargo", checked_duration("embargo", self.embargo))

    def get_n_splits(
        self, starts: npt.NDArray[Any] | None = None, ends: npt.NDArray[Any] | None = None
    ) -> int:
        """How many pairs :meth:`split` yields; the same for all samples."""
        return self.n_folds

    def split(
        self, starts: npt.NDArray[Any], ends: npt.NDArray[Any]
    ) -> Iterator[tuple[Index, Index]]:
        """Ascending positions to train on and to test on, fold by fold, oldest test dates first.

        Args:
            starts: (n,) decision time of each sample, datetime64 or int64 nanoseconds since 1970
                UTC; rows in any order, several symbols may share a time.
            ends: (n,) time at which the sample's label is known, not before ``starts``.

        Raises:
            InvalidConfig: the times are not usable, there are fewer dates than folds, a label is
                longer than a fold, or a fold has nothing to train on; before the first pair.
        """
        start_times, end_times = checked_times(starts, ends)
        embargo = checked_duration("embargo", self.embargo)
        folds = []
        for number, test in enumerate(date_blocks(start_times, end_times, self.n_folds)):
            train = apart(start_times, end_times, test, embargo)
            refuse_nothing(train, f"fold {number} of {self.n_folds}")
            folds.append((positions(train), positions(test)))
        return iter(folds)
