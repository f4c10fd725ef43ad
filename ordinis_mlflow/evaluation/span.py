"""TestSpan: the rows that every forecaster is judged on."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.prepare import Rows

Vector = npt.NDArray[np.float64]
LEAST_DATES = 20
"""Fewer leave nothing to say of a spread."""


@dataclass(frozen=True, eq=False)
class TestSpan:
    """What happened at each row.

    Attributes:
        symbols: shape (rows,).
        times: shape (rows,), of the decision.
        realised: shape (rows,), log return over the horizon.
        units: shape (rows,), volatility over the horizon, log return.
        next_returns: shape (rows,), simple return from this bar to the next.
        horizon: bars ahead.
        cost_bps: cost of one unit of turnover, basis points.

    Raises:
        InvalidConfig: fewer than 20 dates, a value that is not finite, or outcomes that are all
            equal.
    """

    __test__ = False  # not a test class, whatever its name

    symbols: npt.NDArray[np.str_]
    times: npt.NDArray[np.datetime64]
    realised: Vector
    units: Vector
    next_returns: Vector
    horizon: int
    cost_bps: float

    def __post_init__(self) -> None:
        for name in ("realised", "units", "next_returns"):
            bad = np.flatnonzero(~np.isfinite(getattr(self, name)))
            if bad.size:
                raise InvalidConfig(
                    f"{name} must be finite, but row {int(bad[0])} of {len(self)}, symbol "
                    f"{self.symbols[bad[0]]!r} at {self.times[bad[0]]}, is not: judge rows whose "
                    "outcome is known"
                )
        if len(self.dates) < LEAST_DATES:
            raise InvalidConfig(
                f"an evaluation needs {LEAST_DATES} dates or more, got {len(self.dates)}: give "
                "more bars or a longer test span"
            )
        if np.ptp(self.realised) == 0.0:
            raise InvalidConfig(
                f"outcomes must vary, but all {len(self)} returns are {self.realised[0]}: check "
                "that the prices are not constant"
            )

    def __len__(self) -> int:
        return len(self.realised)

    @cached_property
    def dates(self) -> npt.NDArray[np.datetime64]:
        """Shape (dates,), the distinct decision times in order."""
        return np.unique(self.times)

    @cached_property
    def date(self) -> npt.NDArray[np.int64]:
        """Shape (rows,), which of the dates each row is of."""
        return np.searchsorted(self.dates, self.times)

    @property
    def lags(self) -> int:
        """Bars over which neighbouring scores depend on each other.

        Overlapping labels share returns over ``horizon - 1`` bars; five more cover volatility that
        a forecast misses.
        """
        return min(self.horizon + 4, len(self.dates) - 1)

    def by_date(self, values: Vector) -> Vector:
        """(rows, ...) summed over the symbols of each date: (dates, ...)."""
        if len(self.dates) == len(self):
            return values[np.argsort(self.date)]
        sums = np.zeros((len(self.dates), *values.shape[1:]))
        np.add.at(sums, self.date, values)
        return sums


def span_of(rows: Rows, index: npt.NDArray[np.int64], horizon: int, cost_bps: float) -> TestSpan:
    """The prepared rows at positions ``index`` of ``rows.ready``."""
    at = rows.ready[index]
    return TestSpan(
        symbols=rows.symbols[at],
        times=rows.times[at],
        realised=rows.labels[at] * rows.units[at],
        units=rows.units[at],
        next_returns=rows.close[at + 1] / rows.close[at] - 1.0,
        horizon=horizon,
        cost_bps=cost_bps,
    )
