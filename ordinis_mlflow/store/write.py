"""Writing snapshots: a log is cut into parts, and parts that another snapshot has are shared."""

from dataclasses import replace

from ordinis_mlflow.revisions import Revisions, Unordered
from ordinis_mlflow.store.files import Files
from ordinis_mlflow.store.manifest import Manifest, write_manifest
from ordinis_mlflow.store.parts import PART_ROWS, Part, cuts, read_part, write_part


def write(files: Files, manifest: Manifest, rows: Revisions | Unordered) -> Manifest:
    """Write rows and then the manifest, whose parts are still empty.

    Returns:
        The manifest as it was written.

    Raises:
        InvalidRevisions: a row is not finite, comes twice, or is known before its time.
        StoreError: the disk is full.
    """
    if isinstance(rows, Unordered):
        # A part at a time: no second copy of all rows is made.
        order = rows.order()
        logs = (rows.take(order[cut]) for cut in cuts(len(rows)))
    else:
        logs = (rows.rows(cut) for cut in cuts(len(rows)))
    parts = tuple(write_part(files, log) for log in logs)
    return _finish(files, manifest, parts)


def extend(files: Files, parent: Manifest, manifest: Manifest, rows: Revisions) -> Manifest:
    """Write what a parent holds and these rows besides; full parts before them are shared.

    Returns:
        The manifest as it was written.

    Raises:
        InvalidRevisions: a row is there already, with another value.
        StoreError: the disk is full.
    """
    kept = _parts_before(parent, int(rows.known[0]))
    old = [read_part(files, part, parent.columns) for part in parent.parts[len(kept) :]]
    tail = old[0].join(*old[1:], rows) if old else rows
    new = tuple(write_part(files, tail.rows(cut)) for cut in cuts(len(tail)))
    return _finish(files, manifest, kept + new)


def _parts_before(parent: Manifest, known: int) -> tuple[Part, ...]:
    """The full parts that end before a known time: no new row belongs into them."""
    for count, part in enumerate(parent.parts):
        if part.rows < PART_ROWS or part.last_known >= known:
            return parent.parts[:count]
    return parent.parts


def _finish(files: Files, manifest: Manifest, parts: tuple[Part, ...]) -> Manifest:
    written = replace(manifest, parts=parts)
    write_manifest(files, written)
    return written
