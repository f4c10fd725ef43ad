"""Sessions of an exchange: which are missing, and which bars lie outside of all.

The only file that knows exchange_calendars, which is imported where it is needed: it takes a while.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.bars import Bars, SymbolBars
from ordinis_mlflow.errors import InvalidConfig


class Sessions:
    """The sessions of a calendar over the span of some bars.

    Args:
        calendar: its name in exchange_calendars.
        bars: whose span is covered.

    Raises:
        InvalidConfig: there is no such calendar, or it does not reach so far.
    """

    def __init__(self, calendar: str, bars: Bars) -> None:
        import exchange_calendars
        from exchange_calendars.errors import CalendarError

        first = min(part.timestamps[0] for part in bars.series()).tz_localize(None)
        last = max(part.timestamps[-1] for part in bars.series()).tz_localize(None)
        margin = pd.Timedelta(days=7)
        try:
            found = exchange_calendars.get_calendar(
                calendar, start=(first - margin).normalize(), end=(last + margin).normalize()
            )
        except (CalendarError, ValueError) as error:
            raise InvalidConfig(
                f"calendar {calendar!r} cannot be used: {error}; pass a name of "
                "exchange_calendars such as XNYS, or none"
            ) from error
        self._zone = found.tz
        self._days = found.sessions.to_numpy().astype("datetime64[D]")

    def days(self, series: SymbolBars) -> npt.NDArray[np.datetime64]:
        """(n,) the day of each bar: its date if it is stamped midnight UTC, else the local one."""
        times = series.timestamps
        if (times == times.normalize()).all():
            return times.tz_localize(None).to_numpy().astype("datetime64[D]")
        return times.tz_convert(self._zone).tz_localize(None).to_numpy().astype("datetime64[D]")

    def outside(self, series: SymbolBars) -> npt.NDArray[np.bool_]:
        """(n,) whether each bar lies on a day without a session."""
        result: npt.NDArray[np.bool_] = ~np.isin(self.days(series), self._days)
        return result

    def missing(self, series: SymbolBars) -> tuple[float, Sequence[np.datetime64]]:
        """Share of the sessions between the first and the last bar that have none, and which."""
        days = self.days(series)
        expected = self._days[(self._days >= days[0]) & (self._days <= days[-1])]
        gaps = expected[~np.isin(expected, days)]
        return len(gaps) / max(len(expected), 1), list(gaps)
