"""Parts: a log of revisions cut into Parquet files of a fixed number of rows.

The cut depends on the rows alone, so the same rows make the same parts whether they came at once or
day by day, and a log that grows shares all parts but the last with what it was. A part is named by
the digest of its rows, not of its bytes: another version of the writer does not make other names.
"""

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ordinis_mlflow.errors import DamagedSnapshot
from ordinis_mlflow.revisions import Revisions
from ordinis_mlflow.store.files import Files

Column = npt.NDArray[np.float64]

PART_ROWS = 32_768
"""Rows of a full part: 4 MB of 14 features. Changing it changes the name of every new snapshot."""
INDEX = ("symbol", "timestamp", "known_at")
SYMBOL, UTC = pa.dictionary(pa.int32(), pa.string()), pa.timestamp("ns", tz="UTC")


@dataclass(frozen=True)
class Part:
    """One file of a snapshot.

    Attributes:
        digest: SHA-256 of its rows.
        rows: how many.
        last_known: known time of its last row, UTC nanoseconds.
        last_time: latest time of any of its rows.
    """

    digest: str
    rows: int
    last_known: int
    last_time: int

    @property
    def file(self) -> str:
        """Its name in the store."""
        return f"parts/{self.digest}.parquet"


def cuts(rows: int) -> Iterator[slice]:
    """Where a log of so many rows is cut."""
    for start in range(0, rows, PART_ROWS):
        yield slice(start, min(start + PART_ROWS, rows))


def write_part(files: Files, rows: Revisions) -> Part:
    """Write at most ``PART_ROWS`` rows; a part that is there already is kept."""
    values = np.ascontiguousarray(rows.values.T)
    part = Part(_digest(rows, values), len(rows), int(rows.known[-1]), int(rows.times.max()))
    if not files.exists(part.file):
        sink = io.BytesIO()
        pq.write_table(
            _table(rows, values),
            sink,
            compression="none",
            use_dictionary=["symbol"],
            write_statistics=False,  # nobody asks for them
        )
        files.write(part.file, sink.getbuffer())
    return part


def read_part(files: Files, part: Part, columns: tuple[str, ...]) -> Revisions:
    """Read a part and hold its rows to their digest.

    Raises:
        DamagedSnapshot: the file is missing, cut or altered.
    """
    table = _parse(files, part, [*INDEX, *columns])
    values = [table[name].to_numpy() for name in columns]
    symbols = table["symbol"].chunk(0)
    rows = Revisions(
        columns,
        tuple(symbols.dictionary.to_pylist()),
        symbols.indices.to_numpy().astype(np.int32),
        _nanoseconds(table["timestamp"]),
        _nanoseconds(table["known_at"]),
        np.ascontiguousarray(np.stack(values).T),  # twice as fast as stacking along the other axis
    )
    if (found := _digest(rows, values)) != part.digest:
        raise _damaged(files, part, f"was altered: its rows have the digest {found[:12]}…")
    return rows


def holds(part: Part, rows: Revisions) -> bool:
    """Whether a part holds exactly these rows: by its digest, without reading it."""
    return _digest(rows, rows.values.T) == part.digest


def read_index(
    files: Files, parts: Sequence[Part]
) -> tuple[list[str], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Which rows there are, without their values and unproven: `read_part` proves them.

    Returns:
        Symbols, sorted; (rows,) position of each row's symbol; (rows,) times; (rows,) known times.
    """
    found = [_parse(files, part, [*INDEX]) for part in parts]
    names = [table["symbol"].chunk(0).dictionary.to_pylist() for table in found]
    symbols = sorted(set().union(*names))
    place = {name: code for code, name in enumerate(symbols)}
    codes = [
        np.array([place[name] for name in each])[table["symbol"].chunk(0).indices.to_numpy()]
        for each, table in zip(names, found, strict=True)
    ]
    times, known = (
        np.concatenate([_nanoseconds(table[name]) for table in found]) for name in INDEX[1:]
    )
    return symbols, np.concatenate(codes), times, known


def _digest(rows: Revisions, values: Iterable[Column]) -> str:
    """SHA-256 over every symbol, time, known time and value, with the names of the columns.

    Lengths come before what they count, so that no two logs share their bytes.

    Args:
        rows: all but the values.
        values: the values, column by column.
    """
    sha = hashlib.sha256(b"ordinis rows 1\n")
    for names in (rows.columns, rows.symbols):
        texts = [name.encode("utf-8", "surrogatepass") for name in names]
        lengths = [len(names), len(rows), *map(len, texts)]
        sha.update(np.array(lengths, dtype="<i8").tobytes() + b"".join(texts))
    sha.update(np.ascontiguousarray(rows.codes, dtype="<i4").data)
    for times in (rows.times, rows.known):
        sha.update(np.ascontiguousarray(times, dtype="<i8").data)
    for column in values:
        sha.update(np.ascontiguousarray(column, dtype="<f8").data)
    return sha.hexdigest()


def _table(rows: Revisions, values: Iterable[Column]) -> pa.Table:
    symbols = pa.DictionaryArray.from_arrays(rows.codes, pa.array(rows.symbols, pa.string()))
    columns = [symbols, pa.array(rows.times).cast(UTC), pa.array(rows.known).cast(UTC)]
    columns += [pa.array(column) for column in values]
    return pa.table(dict(zip((*INDEX, *rows.columns), columns, strict=True)))


def _parse(files: Files, part: Part, columns: list[str]) -> pa.Table:
    try:
        with files.open(part.file) as source:
            file = pq.ParquetFile(source, read_dictionary=["symbol"])
            table = file.read(columns, use_threads=False)
        table.validate(full=True)  # a row's symbol may lie beyond the dictionary
    except FileNotFoundError as error:
        raise _damaged(files, part, "is missing") from error
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise _damaged(files, part, f"cannot be read: {error}") from error
    types = [SYMBOL, UTC, UTC] + [pa.float64()] * (len(columns) - len(INDEX))
    whole = table.num_rows == part.rows and not any(c.null_count for c in table.columns)
    if (table.column_names, table.schema.types) != (columns, types) or not whole:
        raise _damaged(files, part, f"holds {table.num_rows} rows of {table.column_names}")
    return table.combine_chunks()


def _damaged(files: Files, part: Part, what: str) -> DamagedSnapshot:
    return DamagedSnapshot(
        f"{part.file} of the store {files.url} {what}; restore it from a backup. "
        "A part of features can also be removed and materialized again"
    )


def _nanoseconds(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    numbers: npt.NDArray[np.int64] = column.cast(pa.int64()).to_numpy()
    return numbers
