"""Growth: what one bars snapshot holds more than another, and the bars that must be read for it."""

from collections.abc import Sequence

import numpy as np

from ordinis_mlflow.revisions import Revisions, in_force
from ordinis_mlflow.store.files import Files
from ordinis_mlflow.store.manifest import Manifest
from ordinis_mlflow.store.parts import Part, holds, read_part
from ordinis_mlflow.store.snapshots import read_log


def growth(
    files: Files, old: Manifest, new: Manifest, lookback: int
) -> tuple[Revisions, int] | None:
    """The bars that rows of features over the newer snapshot's additions look back on.

    Returns:
        The symbols of the added rows with at least ``lookback - 1`` bars before each of them, all
        later than every bar that was not read; and since when the added rows are known. None if
        there are none, if they do not all come later than the old ones, or if a symbol's whole
        history has too few bars.
    """
    shared = _shared(old.parts, new.parts)
    if shared == len(new.parts):
        return None
    tail = read_log(files, new, shared)
    added = _added(old.parts[shared:], tail)
    if not added or added.known[0] <= old.parts[-1].last_known:
        return None
    bars = _behind(files, new.parts[:shared], tail, added, lookback)
    return (bars, int(added.known[0])) if bars else None


def _added(unshared: Sequence[Part], tail: Revisions) -> Revisions | None:
    """What the newer log's tail holds more; None if it does not begin with what the old one has.

    Logs are in the order of knowing, so by digests alone: what they share and the old parts need
    not be read.
    """
    end = 0
    for part in unshared:
        start, end = end, end + part.rows
        if not holds(part, tail.rows(slice(start, end))):
            return None
    return tail.rows(slice(end, None)) if end < len(tail) else None


def _behind(
    files: Files, before: Sequence[Part], tail: Revisions, added: Revisions, lookback: int
) -> Revisions | None:
    """The tail, and of the parts before it only the end of the log, as far back as it takes."""
    first = len(before)
    wanted = len(added.symbols) * lookback + len(added) - len(tail)
    while True:
        while first > 0 and sum(part.rows for part in before[first:]) < wanted:
            first -= 1
        early = [read_part(files, part, tail.columns) for part in before[first:]]
        log = _later(early[0].join(*early[1:], tail) if early else tail, added, before[:first])
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
