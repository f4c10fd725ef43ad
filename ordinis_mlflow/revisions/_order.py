"""Orders of a log's rows; symbols are told by their codes, which are small whole numbers."""

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


def renumbered(
    codes: npt.NDArray[np.int32], symbols: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Which symbols occur, and each row's position among them."""
    occurs = np.bincount(codes, minlength=symbols) > 0
    place = np.cumsum(occurs, dtype=np.int32) - 1
    return np.flatnonzero(occurs), place[codes].astype(np.int32)


def by_symbol(codes: npt.NDArray[np.integer]) -> Integers:
    """Positions of a log's rows by symbol, those of a symbol in the order of the log."""
    # Sorting two bytes is a matter of counting; most logs have fewer symbols than that holds.
    narrow = codes.astype(np.uint16) if len(codes) and codes.max() < 2**16 else codes
    return np.argsort(narrow, kind="stable")


def in_force(codes: npt.NDArray[np.integer], times: Integers) -> Integers:
    """Which rows of a log are in force at its end, by symbol and then time.

    Args:
        codes: (rows,), each row's symbol, in the order of knowing.
        times: (rows,), each row's time.

    Returns:
        (rows in force,), int64: their positions.
    """
    order = by_symbol(codes)
    ordered_codes, ordered_times = codes[order], times[order]
    same_symbol = ordered_codes[1:] == ordered_codes[:-1]
    if not (same_symbol & (ordered_times[1:] <= ordered_times[:-1])).any():
        return order
    # Late or corrected rows: by time as well, and the last known of each time.
    order = order[np.lexsort((ordered_times, ordered_codes))]
    last = np.ones(len(order), dtype=bool)
    last[:-1] = (codes[order][1:] != codes[order][:-1]) | (times[order][1:] != times[order][:-1])
    return order[last]


def by_symbol_and_time(codes: npt.NDArray[np.integer], times: Integers) -> Integers:
    """Positions by (symbol, time), which is how rows mostly come."""
    same = codes[1:] == codes[:-1]
    sorted_already = (codes[1:] >= codes[:-1]) & ~(same & (times[1:] < times[:-1]))
    return np.arange(len(times)) if sorted_already.all() else np.lexsort((times, codes))
