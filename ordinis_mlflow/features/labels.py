"""Labels: what is to be forecast, each with the time at which it ends."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

VOLATILITY_FLOOR = 1e-5
"""Volatility per bar (log return) below which a price counts as standing still: 0.1 basis point."""


@dataclass(frozen=True)
class Labels:
    """The label of each bar of one symbol; NaN and NaT where the future is not known yet.

    Attributes:
        values: shape (bars,), forward log return in the units below.
        units: shape (bars,), the volatility over the horizon that the label was divided by, in log
            return; a forecast times its unit is a log return again.
        ends: shape (bars,), datetime64[ns]: the time of the bar at which the label is known.
    """

    values: npt.NDArray[np.float64]
    units: npt.NDArray[np.float64]
    ends: npt.NDArray[np.datetime64]


def forward_returns(
    close: npt.NDArray[np.float64],
    times: npt.NDArray[np.datetime64],
    units: npt.NDArray[np.float64],
    horizon: int,
) -> Labels:
    """Forward log return over ``horizon`` bars divided by current volatility over the horizon.

    label[t] = ln(close[t + h] / close[t]) / unit[t], ending at times[t + h].

    Args:
        close: shape (bars,), one symbol.
        times: shape (bars,), datetime64[ns].
        units: shape (bars,), volatility over the horizon as known at t; NaN in its warm-up.
        horizon: bars, at least 1.
    """
    values = np.full(len(close), np.nan)
    ends = np.full(len(close), np.datetime64("NaT"), dtype="datetime64[ns]")
    values[:-horizon] = np.log(close[horizon:] / close[:-horizon])
    ends[:-horizon] = times[horizon:]
    return Labels(values / units, units, ends)
