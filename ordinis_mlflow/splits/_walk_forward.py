"""Walk forward: train on the past, test on what comes next, move on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.splits._periods import (
    NOTHING,
    Duration,
    Length,
    Period,
    after,
    checked_duration,
    checked_period,
)
from ordinis_mlflow.splits._times import Index, Mask, Times, checked_times, positions

MOST_WINDOWS = 100_000
"""More refits than anybody makes: every hour for eleven years."""


@dataclass(frozen=True)
class Window:
    """One refit, which may be named by its date.

    Attributes:
        first: the training part begins with decisions of this time, datetime64[ns], UTC.
        refit: labels that end before it are learnt from; decisions from it on are tested.
        until: decisions before it are tested; later than the newest date if data end first.
    """

    first: np.datetime64
    refit: np.datetime64
    until: np.datetime64


@dataclass(frozen=True)
class WalkForward:
    """Refit in regular steps and test on the time after each refit.

    With d the first decision time, refit number i happens at r[i] = d + ``train`` + i ``step`` and

        train   r[i] - train <= start (any start if expanding)   and   end < r[i] - gap
        test    r[i] <= start < r[i] + test

    The purge is by label end and stands before the test part, which it never shortens: a label that
    is not known at the refit cannot be learnt from. ``gap`` is time that the refit itself takes, or
    that data need to arrive. The last test part may be shorter; one without a date (a long closure)
    is left out. Months are counted from d: from 31 January the months begin on 29 February, on
    31 March and so on. Where ``step`` is ``test``, a test part ends where the next begins.

    Ten daily samples with labels of two days, refitted every three days on the four before:

        >>> import numpy as np
        >>> import pandas as pd
        >>> starts = np.datetime64("2024-01-01", "ns") + np.arange(10) * np.timedelta64(1, "D")
        >>> ends = starts + np.timedelta64(2, "D")
        >>> walk = WalkForward(train=pd.Timedelta("4D"), test=pd.Timedelta("3D"))
        >>> for train, test in walk.split(starts, ends):
        ...     print(train, test)
        [0 1] [4 5 6]
        [3 4] [7 8 9]
        >>> for window in walk.windows(starts):
        ...     print(*(str(time)[:10] for time in (window.first, window.refit, window.until)))
        2024-01-01 2024-01-05 2024-01-08
        2024-01-04 2024-01-08 2024-01-11

    Attributes:
        train: length of the training window; if expanding, of the first one.
        test: length of the test part.
        step: from one refit to the next; ``test`` by default, so that every date after the first
            training window is tested once. A shorter step tests dates again, a longer one skips
            some.
        expanding: train on everything before the refit.
        gap: between the last label that is learnt from and the refit, a duration, 0 or more; kept
            as nanoseconds.

    Raises:
        InvalidConfig: a period is not above zero or is an anchor such as a month's end, or the gap
            is no duration.
    """

    train: Period
    test: Period
    step: Period | None = None
    expanding: bool = False
    gap: Duration = NOTHING

    def __post_init__(self) -> None:
        self._lengths()
        object.__setattr__(self, "gap", checked_duration("gap", self.gap))

    def get_n_splits(
        self, starts: npt.NDArray[Any] | None = None, ends: npt.NDArray[Any] | None = None
    ) -> int:
        """How many pairs :meth:`split` yields for these samples; where labels end has no say.

        Raises:
            InvalidConfig: there are no times, or no date is left to test on.
        """
        if starts is None:
            raise InvalidConfig(
                "how often a walk refits follows from the time it covers, but starts is None; pass "
                "the decision times"
            )
        return len(self.windows(starts))

    def windows(self, starts: npt.NDArray[Any]) -> tuple[Window, ...]:
        """When each pair of :meth:`split` is trained and tested, oldest first.

        Args:
            starts: (n,) decision time of each sample, as for :meth:`split`.

        Raises:
            InvalidConfig: the times are not usable, no date is left to test on, or there would be
                more than 100,000 refits.
        """
        start_times, _ = checked_times(starts, starts)
        windows = tuple(self._windows(np.unique(start_times)))
        if not windows:
            raise InvalidConfig(
                f"no date comes after the first training window: {self.train!r} after "
                f"{start_times.min()}, the newest being {start_times.max()}; give a longer history "
                "or a shorter window"
            )
        return windows

    def split(
        self, starts: npt.NDArray[Any], ends: npt.NDArray[Any]
    ) -> Iterator[tuple[Index, Index]]:
        """Ascending positions to train on and to test on, oldest first.

        Args:
            starts: (n,) decision time of each sample, datetime64 or int64 nanoseconds since 1970
                UTC; rows in any order, several symbols may share a time.
            ends: (n,) time at which the sample's label is known, not before ``starts``.

        Raises:
            InvalidConfig: the times are not usable, no date is left to test on, or a refit has
                nothing to train on; before the first pair.
        """
        start_times, end_times = checked_times(starts, ends)
        windows = self.windows(start_times)
        for window in windows:
            self._refuse_nothing(window, self._trains(window, start_times, end_times))
        return (
            (
                positions(self._trains(window, start_times, end_times)),
                positions((start_times >= window.refit) & (start_times < window.until)),
            )
            for window in windows
        )

    def _lengths(self) -> tuple[Length, Length, Length]:
        """Of training window, test part and step."""
        test = checked_period("test", self.test)
        step = test if self.step is None else checked_period("step", self.step)
        return checked_period("train", self.train), test, step

    def _windows(self, dates: Times) -> Iterator[Window]:
        """Windows that have dates to test; (n_dates,) ascending, each once."""
        train, test, step = self._lengths()
        begin, newest = dates[0], dates[-1]
        _refuse_too_many(newest - begin, step)
        number, refit = 0, after(begin, train)
        while refit <= newest:
            onwards = (train, step * number)
            first = begin if self.expanding else after(begin, *onwards, train * -1)
            following = after(begin, train, step * (number + 1))
            until = following if step == test else after(begin, *onwards, test)
            if np.searchsorted(dates, until) > np.searchsorted(dates, refit):
                yield Window(first, refit, until)
            number, refit = number + 1, following

    def _trains(self, window: Window, starts: Times, ends: Times) -> Mask:
        """(n,): in the window, and known at the refit with the gap to spare."""
        gap = checked_duration("gap", self.gap)
        # Not end < refit - gap: that difference can be before what nanoseconds can tell, and wrap.
        known: Mask = (ends < window.refit) & (window.refit - ends > gap)
        return known & (starts >= window.first)

    def _refuse_nothing(self, window: Window, train: Mask) -> None:
        if not train.any():
            raise InvalidConfig(
                f"the refit of {window.refit} has nothing to train on: no label starts at "
                f"{window.first} or later and ends more than {self.gap!r} before the refit; give a "
                "longer training window, a shorter label or a shorter gap"
            )


def _refuse_too_many(time: np.timedelta64, step: Length) -> None:
    month = np.timedelta64(28, "D")  # the shortest
    count = time / (step.months * month + step.clock.to_timedelta64())
    if count > MOST_WINDOWS:
        raise InvalidConfig(
            f"a walk must not refit more than {MOST_WINDOWS} times, but {int(count)} steps fit "
            "into the time covered, and each trains a model; take a longer step"
        )
