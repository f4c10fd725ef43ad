"""Point-in-time join: to each moment the value of another series that was known then."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.errors import InvalidRevisions

Integers = npt.NDArray[np.int64]
TIMES = ("timestamp", "known_at")


@dataclass(frozen=True, eq=False)
class KnownSeries:
    """A series that is published later than what it is about, and sometimes corrected.

    A macro figure is about a month, a report about a quarter, a volatility index about a day.

    Attributes:
        name: of the value.
        times: (rows,), int64: UTC nanoseconds of what each value is about, in any order.
        known: (rows,), int64: when it was published, not before that.
        values: (rows,), float64.

    Raises:
        InvalidRevisions: lengths differ, a value is known before its time, or one time has two
            values that were published at once.
    """

    name: str
    times: Integers
    known: Integers
    values: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        if not len(self.times) == len(self.known) == len(self.values):
            raise InvalidRevisions(
                f"series {self.name!r} has {len(self.times)} times, {len(self.known)} known times "
                f"and {len(self.values)} values; give one of each"
            )
        early = self.known < self.times
        if early.any():
            row = int(np.argmax(early))
            raise InvalidRevisions(
                f"series {self.name!r}: the value of {np.datetime64(int(self.times[row]), 'ns')} "
                "is said to be known before its own time; correct its known time"
            )
        if len(np.unique(np.stack([self.times, self.known]), axis=1).T) < len(self.times):
            raise InvalidRevisions(
                f"series {self.name!r} has two values for one time that were known at once; "
                "keep one"
            )

    @classmethod
    def of(cls, frame: pd.DataFrame, name: str) -> "KnownSeries":
        """From a table with the columns ``timestamp``, ``known_at`` and the value's own.

        Raises:
            InvalidRevisions: a column is missing, or times do not state their zone.
        """
        missing = [each for each in (*TIMES, name) if each not in frame.columns]
        naive = [
            each
            for each in TIMES
            if each in frame.columns and not isinstance(frame[each].dtype, pd.DatetimeTZDtype)
        ]
        if missing or naive:
            raise InvalidRevisions(
                f"series {name!r} needs the columns timestamp and known_at, with a time zone, and "
                f"{name}: {f'{missing} missing' if missing else f'{naive} without a time zone'}"
            )
        times, known = (
            frame[each].dt.tz_convert("UTC").to_numpy("datetime64[ns]").astype(np.int64)
            for each in TIMES
        )
        return cls(name, times, known, frame[name].to_numpy(np.float64))


def join(moments: Integers, series: KnownSeries, max_age: int) -> npt.NDArray[np.float64]:
    """The value in force at each moment.

    In force is what was known by then about the latest time; of its revisions, the last one known.
    A late correction of an older time does not replace the figure of a newer one.

    Args:
        moments: (n,), int64 UTC nanoseconds, in any order; for features, when their row was known.
        series: what is joined.
        max_age: nanoseconds since it was published, beyond which a value no longer counts.

    Returns:
        (n,), float64; NaN where nothing was known yet, or only what is too old.
    """
    order = np.lexsort((series.times, series.known))
    times, known, values = series.times[order], series.known[order], series.values[order]
    # A row comes into force when nothing known before it was about a later time.
    leads = times == np.maximum.accumulate(times) if len(times) else np.zeros(0, dtype=bool)
    known, values = known[leads], values[leads]
    place = np.searchsorted(known, moments, side="right") - 1
    result = np.full(len(moments), np.nan)
    found = place >= 0
    found[found] = moments[found] - known[place[found]] <= max_age
    result[found] = values[place[found]]
    return result
