"""When labels begin and end: what every splitter is given."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig

Times: TypeAlias = npt.NDArray[np.datetime64]
Index: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]


def positions(mask: Mask) -> Index:
    """(n,) bool to the ascending positions of its true values."""
    return np.flatnonzero(mask).astype(np.int64, copy=False)


def checked_times(starts: npt.NDArray[Any], ends: npt.NDArray[Any]) -> tuple[Times, Times]:
    """Both times as (n,) datetime64[ns], equally long and in order.

    Raises:
        InvalidConfig: they are not usable, or a label ends before it starts; its index is named.
    """
    start_times, end_times = _checked("starts", starts), _checked("ends", ends)
    if start_times.shape != end_times.shape or start_times.size == 0:
        raise InvalidConfig(
            "starts and ends must have one time for each sample, and at least one sample, got "
            f"{start_times.size} and {end_times.size}; pass two arrays of one length"
        )
    early = np.flatnonzero(end_times < start_times)
    if early.size:
        i = int(early[0])
        raise InvalidConfig(
            f"a label must not end before its decision, but sample {i} starts {start_times[i]} "
            f"and ends {end_times[i]} ({early.size} such samples); check the label's horizon"
        )
    return start_times, end_times


def _checked(name: str, times: npt.NDArray[Any]) -> Times:
    """(n,) datetime64 of any unit or int64 nanoseconds to datetime64[ns] without NaT."""
    values = np.asarray(times)
    if values.ndim != 1 or not (values.dtype.kind == "M" or values.dtype == np.int64):
        raise InvalidConfig(
            f"{name} must be a one-dimensional datetime64 or int64 array, got {values.dtype} of "
            f"shape {values.shape}; convert the times to UTC and to datetime64[ns]"
        )
    nanoseconds: Times = values.astype("datetime64[ns]")
    missing = np.flatnonzero(np.isnat(nanoseconds))
    if missing.size:
        raise InvalidConfig(
            f"{name} must have no missing time, but sample {int(missing[0])} is NaT "
            f"({missing.size} such samples); drop samples without a known label"
        )
    if (nanoseconds.astype(values.dtype) != values).any():  # numpy wraps around in silence
        raise InvalidConfig(
            f"{name} must lie between the years 1678 and 2262, got {values.min()} to "
            f"{values.max()}; nanoseconds cannot tell other times"
        )
    return nanoseconds
