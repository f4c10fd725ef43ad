"""Growth: what one bars snapshot holds more than another, and the bars that must be read for it."""

from collections.abc import Sequence

import numpy as np

from ordinis_mlflow.revisions import Revisions, in_force
from ordinis_mlflow.store.files import Files
from ordinis_mlflow.store.manifest import Manifest
from ordinis_mlflow.store.parts import Part, holds
from ordinis_mlflow.store.snapshots import read_log


def new_rows(files: Files, old: Manifest, new: Manifest) -> Revisions | None:
    """The rows that the newer snapshot adds; None if they do not all come later than the old ones.

    Both logs are in the order of knowing, so the parts that they share are not read, and of what
    else the old one has the digests say whether the newer one goes on from there.
    """
    shared, end = _shared(old.parts, new.parts), 0
    if shared == len(new.parts):
        return None
    tail = read_log(files, new, shared)
    for part in old.parts[shared:]:
        start, end = end, end + part.rows
        if not holds(part, tail.rows(slice(start, end))):
            return None
    added = tail.rows(slice(end, None))
    return added if len(added) and added.known[0] > old.parts[-1].last_known else None


def behind(files: Files, bars: Manifest, added: Revisions, lookback: int) -> Revisions | None:
    """The symbols of the added rows with at least ``lookback - 1`` bars before each of them.

    Only the end of the log is read, as far back as it takes.

    Returns:
        Their rows, all later than every bar that was not read; None where a symbol's whole history
        has too few bars.
    """
    first = len(bars.parts) - 1
    wanted = len(added.symbols) * lookback + len(added)
    while True:
        while first > 0 and sum(part.rows for part in bars.parts[first:]) < wanted:
            first -= 1
        log = _later(read_log(files, bars, first), added, bars.parts[:first])
        if _enough(log, added, lookback):
            return log
        if first == 0:
            return None
        first //= 2


def _shared(old: Sequence[Part], new: Sequence[Part]) -> int:
    same = [a.digest == b.digest for a, b in zip(old, new, strict=False)]
    return same.index(False) if False in same else len(same)


def _later(log: Revisions, added: Revisions, unread: Sequence[Part]) -> Revisions:
    """Rows of the added symbols, at times of which the parts that were not read know nothing."""
    symbols = set(added.symbols)
    keep = np.array([symbol in symbols for symbol in log.symbols])[log.codes]
    if unread:
        keep &= log.times > max(part.last_time for part in unread)
    first = int(np.argmax(keep))
    return log.rows(slice(first, None) if keep[first:].all() else keep)


def _enough(log: Revisions, added: Revisions, lookback: int) -> bool:
    """Whether each added symbol has the bars that its first added row looks back on."""
    if log.symbols != added.symbols:
        return False
    first_added = np.full(len(added.symbols), np.iinfo(np.int64).max)
    np.minimum.at(first_added, added.codes, added.times)
    older = log.times < first_added[log.codes]
    if not _all_added(log, added):
        return False
    codes = log.codes[older]
    bars = codes[in_force(codes, log.times[older])]
    counts = np.bincount(bars, minlength=len(added.symbols))
    return bool((counts >= lookback - 1).all())


def _all_added(log: Revisions, added: Revisions) -> bool:
    """Whether no added row is about a time of which unread parts may know something."""
    return int((log.known >= added.known[0]).sum()) == len(added)
