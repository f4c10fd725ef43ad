"""Reading snapshots: the rows of a moment, of all symbols, and logs or the ends of logs."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import TooFewBars
from ordinis_mlflow.revisions import LAST, Panel, Revisions, in_force
from ordinis_mlflow.store.files import Files
from ordinis_mlflow.store.manifest import Manifest, read_manifest
from ordinis_mlflow.store.parts import Part, read_index, read_part


def read(files: Files, name: str, as_of: int = LAST) -> Panel:
    """Exactly the rows that were known at a moment: of each symbol and time the newest revision.

    Args:
        files: of the store.
        name: of the snapshot.
        as_of: UTC nanoseconds; everything by default.

    Raises:
        UnknownSnapshot: there is none of this name.
        DamagedSnapshot: a file is missing, cut or altered.
        TooFewBars: nothing was known then.
    """
    manifest = read_manifest(files, name)
    parts = _known_by(manifest, as_of)
    symbols, codes, times, known = read_index(files, parts)
    end = int(np.searchsorted(known, as_of, side="right"))
    if not end:
        raise TooFewBars(f"nothing of snapshot {name} was known at {as_of}; choose a later moment")
    rows = in_force(codes[:end], times[:end])
    counts = np.bincount(codes[rows], minlength=len(symbols))
    return Panel(
        columns=manifest.columns,
        symbols=tuple(name for name, count in zip(symbols, counts, strict=True) if count),
        starts=np.append(0, np.cumsum(counts[counts > 0])),
        times=times[rows],
        known=known[rows],
        values=_values(files, manifest, parts, rows),
    )


def read_log(files: Files, manifest: Manifest, first_part: int = 0) -> Revisions:
    """All revisions, or those from some part on."""
    parts = [read_part(files, part, manifest.columns) for part in manifest.parts[first_part:]]
    log = parts[0]
    return log if len(parts) == 1 else log.join(*parts[1:])


def read_since(files: Files, manifest: Manifest, time: int) -> Revisions | None:
    """The parts that know of a time or a later one, in whole; None if there are none.

    What is known of earlier times only has no say on how bars of this time came.
    """
    logs = [
        read_part(files, part, manifest.columns)
        for part in manifest.parts
        if part.last_time >= time
    ]
    return logs[0].join(*logs[1:]) if logs else None


def _known_by(manifest: Manifest, moment: int) -> Sequence[Part]:
    """The parts that hold rows known by then: all before the first one that ends later, and it."""
    until = [part.last_known > moment for part in manifest.parts]
    return manifest.parts[: until.index(True) + 1] if any(until) else manifest.parts


def _values(
    files: Files, manifest: Manifest, parts: Sequence[Part], rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """The values of some rows of the log, part by part: no second copy of all is ever made."""
    total = sum(part.rows for part in parts)
    place = np.full(total, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    values = np.empty((len(rows), len(manifest.columns)))
    items, end = _items(values), 0
    for part in parts:
        start, end = end, end + part.rows
        there, block = place[start:end], _items(read_part(files, part, manifest.columns).values)
        if (there >= 0).all():
            items[there] = block
        else:
            items[there[there >= 0]] = block[there >= 0]
    return values


def _items(table: npt.NDArray[np.float64]) -> npt.NDArray[np.void]:
    """The same memory with each row as one item: scattering them takes half the time."""
    items: npt.NDArray[np.void] = table.view(f"V{table.itemsize * table.shape[1]}")[:, 0]
    return items
