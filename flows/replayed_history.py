"""History: the bars of a replay, and what was known at each of them."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from flows.training import Training
from ordinis_mlflow.bars import instant
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.splits import HoldoutSplit

Times = npt.NDArray[np.datetime64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class History:
    """Bars are replayed one after another; at each, what came before it and itself are known.

    A model that is trained at a bar reads labels that were known at its close, and is in force from
    the next bar on. Positions are those of ``rows.ready``.

    Attributes:
        training: settings and rows; the rows are of all bars, and read through this class.
        dates: shape (dates,), decision times up to the end, ascending, each once.
        first: number of the first date that is judged; the first models are trained at the one
            before it.
    """

    training: Training
    dates: Times
    first: int

    @classmethod
    def between(cls, training: Training, begin: str, end: str | None) -> "History":
        """Judged from ``begin`` to ``end``, times; to the last bar with an outcome without it.

        Raises:
            InvalidConfig: nothing is known before the begin, or nothing comes after it.
        """
        ready = training.prepared.rows.ready
        dates = np.unique(training.prepared.rows.times[ready]).astype("datetime64[ns]")
        if end:
            dates = dates[dates <= _utc(end, "end")]
        first = int(np.searchsorted(dates, _utc(begin, "begin")))
        if not 0 < first < len(dates) - 1:
            raise InvalidConfig(
                f"begin must lie within the decisions up to the end, got {begin} and "
                f"{len(dates)} decisions from {dates[:1]} to {dates[-1:]}: the first model is "
                "trained on what is before it, and the rest is replayed"
            )
        return cls(training, dates, first)

    @property
    def start(self) -> np.datetime64:
        """The bar at which the first model is trained."""
        return self.dates[self.first - 1]

    def checks(self, every: int) -> Times:
        """Bars at which a monitor looks; not at the last one, after which nothing is judged."""
        return self.dates[self.first - 1 + every : -1 : every]

    def ends_of(self, months: int) -> Times:
        """The last bar of every so many calendar months, from the start on: 3 for quarters."""
        later = self.dates[self.first - 1 :]
        number = later.astype("datetime64[M]").astype(np.int64) // months
        return later[:-1][np.diff(number) > 0]

    def until(self, now: np.datetime64) -> Times:
        """Dates up to a bar."""
        return self.dates[: np.searchsorted(self.dates, now, side="right")]

    def parts(self, known: np.datetime64) -> HoldoutSplit:
        """What a training at a bar reads: its own test part is the newest that was known.

        Raises:
            InvalidConfig: so little was known that a part would be empty.
        """
        rows = self.training.prepared.rows
        starts, ends = rows.times[rows.ready], rows.ends[rows.ready]
        used = np.flatnonzero(ends <= known)
        split = self.training.options.holdout().split(starts[used], ends[used])
        names = ("train", "validation", "test", "purged")
        return replace(split, **{name: used[getattr(split, name)] for name in names})

    def newest(self, now: np.datetime64, dates: int) -> Index:
        """Positions of the newest dates up to a bar."""
        oldest = self.until(now)[-dates:][0]
        return self._between(oldest, now)

    def judged(self) -> Index:
        """Positions of every row that is judged."""
        return self._between(self.dates[self.first], self.dates[-1])

    def times(self, index: Index) -> Times:
        """Decision times of positions."""
        rows = self.training.prepared.rows
        return rows.times[rows.ready[index]]

    def features(self, index: Index) -> npt.NDArray[np.float64]:
        """(positions, features), raw."""
        rows = self.training.prepared.rows
        return rows.features[rows.ready[index]]

    def _between(self, oldest: np.datetime64, newest: np.datetime64) -> Index:
        times = self.times(np.arange(len(self.training.prepared.rows.ready)))
        return np.flatnonzero((times >= oldest) & (times <= newest))


def _utc(text: str, name: str) -> np.datetime64:
    return pd.Timestamp(instant(text, name)).tz_localize(None).to_datetime64()
