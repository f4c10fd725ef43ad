"""Lengths of time: of the clock, which are always as long, and of the calendar, which are not."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

import numpy as np
import pandas as pd

from ordinis_mlflow.errors import InvalidConfig

Duration: TypeAlias = np.timedelta64 | timedelta
"""A length of the clock; a ``pd.Timedelta`` is a ``timedelta`` too."""

Period: TypeAlias = pd.DateOffset | timedelta
"""A length of the calendar, such as ``pd.DateOffset(months=1)``, or of the clock."""

NOTHING = np.timedelta64(0, "ns")
CALENDAR = ("years", "months")
CLOCK = (
    "weeks",
    "days",
    "hours",
    "minutes",
    "seconds",
    "milliseconds",
    "microseconds",
    "nanoseconds",
)


@dataclass(frozen=True)
class Length:
    """So many months, and after them so much time; a day has 24 hours, as it has in UTC."""

    months: int
    clock: pd.Timedelta

    def __mul__(self, times: int) -> "Length":
        return Length(self.months * times, self.clock * times)


def checked_duration(name: str, duration: Duration) -> np.timedelta64:
    """As nanoseconds; InvalidConfig if it has no unit, is of the calendar, or below zero."""
    fixed = isinstance(duration, timedelta) or (
        isinstance(duration, np.timedelta64)
        and np.datetime_data(duration.dtype)[0] not in ("generic", "M", "Y")
        and not np.isnat(duration)
    )
    if not fixed:
        raise InvalidConfig(
            f"{name} must be a duration such as np.timedelta64(5, 'D'), got {duration!r}"
        )
    exact = _exact(name, duration).to_timedelta64()
    if exact < NOTHING:
        raise InvalidConfig(f"{name} must be 0 or more, got {duration!r}; give 0 for none")
    return exact


def checked_period(name: str, period: Period) -> Length:
    """As months and time; InvalidConfig if it has no length of its own, or none above zero."""
    if type(period) is pd.DateOffset:  # isinstance is true of anchors such as MonthEnd, too
        length = _of_offset(name, period)
    elif isinstance(period, timedelta):
        length = Length(0, _exact(name, period))
    else:
        raise InvalidConfig(
            f"{name} must be a period such as pd.DateOffset(months=1) or pd.Timedelta('7D'), "
            f"got {period!r}; anchors of the calendar have no length of their own"
        )
    nothing = pd.Timedelta(0)
    if length.months < 0 or length.clock < nothing or length == Length(0, nothing):
        raise InvalidConfig(f"{name} must be a period above zero, got {period!r}")
    return length


def after(moment: np.datetime64, *lengths: Length) -> np.datetime64:
    """One length after the other.

    Months that follow each other are added up first: 31 January and one month, twice, is 31 March
    and not the 29th. What lies beyond the year 2262 is the last moment that nanoseconds can tell.
    """
    months, clock = 0, pd.Timedelta(0)
    for length in lengths:
        if length.months and clock != pd.Timedelta(0):
            moment = _moved(moment, months, clock)
            months, clock = 0, pd.Timedelta(0)
        months, clock = months + length.months, clock + length.clock
    return _moved(moment, months, clock)


def _moved(moment: np.datetime64, months: int, clock: pd.Timedelta) -> np.datetime64:
    try:
        moved = pd.Timestamp(moment)
        if months:
            moved += pd.DateOffset(months=months)
        return (moved + clock).as_unit("ns").to_datetime64()
    except (OverflowError, ValueError):  # pandas: OutOfBoundsDatetime, dateutil: no such year
        return pd.Timestamp.max.to_datetime64()


def _exact(name: str, duration: Duration) -> pd.Timedelta:
    """As nanoseconds, of which 292 years can be told."""
    try:
        return pd.Timedelta(duration).as_unit("ns")
    except (OverflowError, ValueError) as error:
        raise InvalidConfig(f"{name} must be shorter than 292 years, got {duration!r}") from error


def _of_offset(name: str, period: pd.DateOffset) -> Length:
    """DateOffset(3) is three days, DateOffset(2, months=1) is two months."""
    parts = dict(period.kwds) or {"days": 1}
    unknown = sorted(set(parts) - {*CALENDAR, *CLOCK})
    if unknown:
        raise InvalidConfig(
            f"{name} must be made of {', '.join(CALENDAR + CLOCK)}, got {', '.join(unknown)} in "
            f"{period!r}: it sets a part of the date and has no length"
        )
    months = 12 * parts.pop("years", 0) + parts.pop("months", 0)
    try:
        return Length(months, pd.Timedelta(**{"days": 0, **parts}).as_unit("ns")) * period.n
    except (OverflowError, ValueError) as error:
        raise InvalidConfig(f"{name} must be shorter than 292 years, got {period!r}") from error
