"""Train, validation and test by time, once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.splits._times import Index, Mask, Times, checked_times, positions


@dataclass(frozen=True, eq=False)
class HoldoutSplit:
    """The parts of a holdout: every sample is in exactly one of the four arrays.

    Attributes:
        train: (n_train,) int64, ascending positions in the arrays that were split.
        validation: (n_validation,) int64, the same.
        test: (n_test,) int64, the same.
        purged: (n_purged,) int64, samples of no part: their label reaches into the next part.
        validation_start: First decision time of the validation part, datetime64[ns], UTC.
        test_start: First decision time of the test part, datetime64[ns], UTC.
    """

    train: npt.NDArray[np.int64]
    validation: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]
    purged: npt.NDArray[np.int64]
    validation_start: np.datetime64
    test_start: np.datetime64


@dataclass(frozen=True)
class Holdout:
    """Train on the oldest dates, choose on the next ones, judge once on the newest.

    With K distinct decision times d[0] < … < d[K-1], the test part takes the round(test · K)
    newest and the validation part the round(validation · K) before them (halves round to even):

        test_start       = d[K - round(test · K)]
        validation_start = d[K - round(test · K) - round(validation · K)]

    A sample that is decided at `start` has a label that is known at `end`. Where `end` reaches
    the next part, the two share returns, and a score there would partly repeat what was learnt
    from. Such samples are purged (López de Prado 2018, Advances in Financial Machine Learning,
    ch. 7, section 7.4.1):

        train       start < validation_start                and end < validation_start
        validation  validation_start <= start < test_start  and end < test_start
        test        test_start <= start

    A border is a date and not a row, so a date is in one part for all symbols.

    Ten daily samples with labels of two days; 3 and 4 reach day 5, 6 and 7 reach day 8:

        >>> starts = np.datetime64("2024-01-01", "ns") + np.arange(10) * np.timedelta64(1, "D")
        >>> ends = starts + np.timedelta64(2, "D")
        >>> parts = Holdout(validation=0.3, test=0.2).split(starts, ends)
        >>> parts.train
        array([0, 1, 2])
        >>> parts.validation
        array([5])
        >>> parts.test
        array([8, 9])
        >>> parts.purged
        array([3, 4, 6, 7])
        >>> str(parts.validation_start)[:10], str(parts.test_start)[:10]
        ('2024-01-06', '2024-01-09')

    Attributes:
        validation: Share of the distinct decision times, in (0, 1).
        test: Share of the distinct decision times, in (0, 1), the newest.

    Raises:
        InvalidConfig: A share is outside (0, 1), or the two leave nothing to train on.
    """

    validation: float = 0.15
    test: float = 0.15

    def __post_init__(self) -> None:
        for name, share in (("validation", self.validation), ("test", self.test)):
            if not 0 < share < 1:
                raise InvalidConfig(
                    f"{name} must be a share strictly between 0 and 1, got {share!r}; "
                    "give for example 0.15"
                )
        if not self.validation + self.test < 1:
            raise InvalidConfig(
                f"validation + test must be below 1, got {self.validation!r} + {self.test!r}; "
                "lower one of them so that dates are left to train on"
            )

    def split(self, starts: npt.NDArray[Any], ends: npt.NDArray[Any]) -> HoldoutSplit:
        """Divide samples into train, validation, test and purged.

        Args:
            starts: (n,) decision time of each sample, datetime64 or int64 nanoseconds since 1970
                UTC; rows in any order, several symbols may share a time.
            ends: (n,) time at which the sample's label is known, same kinds, not before `starts`.

        Returns:
            The four index arrays and the two borders.

        Raises:
            InvalidConfig: The times are not usable, a label ends before it starts (its index is
                named), or a part would be empty (the counts are named).
        """
        starts, ends = checked_times(starts, ends)
        dates = np.unique(starts)
        test_at = dates.size - round(self.test * dates.size)
        validation_at = test_at - round(self.validation * dates.size)
        _refuse_empty(
            validation_at, test_at - validation_at, dates.size - test_at, "distinct dates"
        )
        return _purged_split(starts, ends, dates[validation_at], dates[test_at])


def _purged_split(
    starts: Times, ends: Times, validation_start: np.datetime64, test_start: np.datetime64
) -> HoldoutSplit:
    """Apply the three rules of `Holdout` to (n,) times and two borders."""
    train: Mask = ends < validation_start  # start <= end, so the start is before it too
    validation: Mask = (starts >= validation_start) & (ends < test_start)
    test: Mask = starts >= test_start
    purged = ~(train | validation | test)
    _refuse_empty(
        int(train.sum()),
        int(validation.sum()),
        int(test.sum()),
        f"samples after {int(purged.sum())} were purged",
    )
    return HoldoutSplit(
        train=positions(train),
        validation=positions(validation),
        test=positions(test),
        purged=positions(purged),
        validation_start=validation_start,
        test_start=test_start,
    )


def _refuse_empty(train: int, validation: int, test: int, what: str) -> None:
    """Refuse a split in which a part has nothing; `what` says what was counted."""
    counts = {"train": train, "validation": validation, "test": test}
    empty = [name for name, count in counts.items() if count <= 0]
    if empty:
        listed = ", ".join(f"{name} {max(count, 0)}" for name, count in counts.items())
        raise InvalidConfig(
            f"every part of a holdout needs a sample, but {' and '.join(empty)} would be empty "
            f"({what}: {listed}); give more dates, a shorter label or other shares"
        )


def stopped_by(
    split: tuple[Index, Index],
    starts: npt.NDArray[Any],
    ends: npt.NDArray[Any],
    share: float,
) -> HoldoutSplit:
    """Set the newest dates of a training part aside, to stop the training by.

    Args:
        split: positions to train on and to test on, as a splitter gives them.
        starts: (n,) decision time of each sample, as it was given to the splitter.
        ends: (n,) time at which its label is known.
        share: of the training part's distinct dates.

    Raises:
        InvalidConfig: the share is outside (0, 1), or a part would be empty.
    """
    train, test = split
    start_times, end_times = checked_times(starts, ends)
    dates = np.unique(start_times[train])
    if not 0 < share < 1:
        raise InvalidConfig(f"share must be strictly between 0 and 1, got {share!r}")
    count = round(share * dates.size)
    _refuse_empty(dates.size - count, count, test.size, "dates, and samples to test")
    border = dates[dates.size - count]
    late = start_times[train] >= border
    purged = ~late & (end_times[train] >= border)
    _refuse_empty(
        int((~late & ~purged).sum()), int(late.sum()), test.size, "samples after the purge"
    )
    return HoldoutSplit(
        train=train[~late & ~purged],
        validation=train[late],
        test=test,
        purged=train[purged],
        validation_start=border,
        test_start=start_times[test].min(),
    )
