"""Splits and dividends taken out of prices, where the table says how."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.errors import InvalidBars


def adjust(
    values: npt.NDArray[np.float64],
    adjusted_close: npt.NDArray[np.float64],
    symbols: Sequence[str],
    timestamps: pd.DatetimeIndex,
) -> npt.NDArray[np.float64]:
    """Put all five columns on the scale of the adjusted close.

    A 2:1 split halves the raw price overnight; read raw, that is a return of -50 % which nobody
    earned, and a model would learn it. Prices are multiplied by adjusted close / close and volume
    is divided by it, so that price times volume, the money that changed hands, stays the same.

    Args:
        values: (n, 5) raw bars that obey the value rules.
        adjusted_close: (n,) close after splits and dividends, in the same currency.
        symbols: (n,) each row's symbol.
        timestamps: (n,) each row's time.

    Returns:
        (n, 5) adjusted bars; the close is exactly `adjusted_close`.

    Raises:
        InvalidBars: A factor is not finite and above zero; symbol and timestamp are named.
    """
    close = values[:, 3]
    # What overflows becomes infinite and is refused here or by the value rules, with its bar's name
    with np.errstate(over="ignore", divide="ignore"):
        factor = adjusted_close / close
        good = (factor > 0) & (factor < np.inf)
        if not good.all():
            row = int(np.argmin(good))
            raise InvalidBars(
                f"symbol {symbols[row]!r}, {timestamps[row]}: adjusted close "
                f"{adjusted_close[row]} over close {close[row]} is not finite and above zero; "
                "correct the adjusted close or leave out its column"
            )
        result = values * factor[:, np.newaxis]
        result[:, 4] = values[:, 4] / factor
    result[:, 3] = adjusted_close
    return result
