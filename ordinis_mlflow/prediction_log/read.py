"""Reading a prediction log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyarrow import fs

from ordinis_mlflow.errors import InvalidConfig, PredictionLogError
from ordinis_mlflow.prediction_log.batch import SCHEMA
from ordinis_mlflow.prediction_log.files import find_files

KEY = ("answered_at", "request_id", "row")
"""What rows are ordered by; those of several arms as their files are."""
BAR_VALUES = 5
BAR_BYTES = BAR_VALUES * 8


@dataclass(frozen=True, eq=False)
class LoggedPredictions:
    """Rows of a log, oldest first.

    Attributes:
        frame: one row a prediction: ``prediction_id`` (request's id, "/" and number of its row)
            and the columns of ``batch.SCHEMA`` but ``inputs``; names are categories, times UTC.
        windows: shape (n, lookback, 5), in the frame's order; None if they were not asked for.
    """

    frame: pd.DataFrame
    windows: npt.NDArray[np.float64] | None

    def __len__(self) -> int:
        return len(self.frame)


def read(
    folder: str | Path,
    model: str | None = None,
    version: str | None = None,
    arm: str | None = None,
    since: pd.Timestamp | None = None,
    until: pd.Timestamp | None = None,
    columns: Sequence[str] | None = None,
    inputs: bool = False,
) -> LoggedPredictions:
    """Predictions of a log that may be written to meanwhile.

    A prediction is in the log once for each arm that made it; a client that gives two requests the
    same id has them both in it.

    Args:
        folder: of the log.
        model: registered name; None for every.
        version: of the model; None for every.
        arm: ``champion``, ``challenger`` or ``shadow``; None for every.
        since: answered then or later, with a time zone.
        until: answered before, with a time zone.
        columns: of the frame; None for all. Files are read no further than that.
        inputs: whether windows are read: then of the rows alone whose windows were kept.

    Raises:
        InvalidConfig: a time without zone, or no such column.
        PredictionLogError: there is no such folder; a file is damaged or not of a log (it is
            named); or windows of several look-backs are asked for at once.
    """
    first, last = _nanoseconds(since, "since"), _nanoseconds(until, "until")
    table = _table(
        find_files(Path(folder), model, first, last),
        _condition(model, version, arm, first, last, inputs),
        _wanted(columns) + (["inputs"] if inputs else []),
    )
    order = pc.sort_indices(table, [(name, "ascending") for name in KEY]).to_numpy()
    windows = _windows(table["inputs"])[order] if inputs else None
    return LoggedPredictions(_frame(table, columns).iloc[order].reset_index(drop=True), windows)


def _nanoseconds(moment: pd.Timestamp | None, name: str) -> int | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise InvalidConfig(f"{name} must have a time zone, got {moment}")
    return moment.tz_convert(UTC).as_unit("ns").value


def _wanted(columns: Sequence[str] | None) -> list[str]:
    known = [name for name in SCHEMA.names if name != "inputs"]
    for name in columns or ():
        if name not in ("prediction_id", *known):
            raise InvalidConfig(f"there is no column {name!r}: choose from prediction_id, {known}")
    return known if columns is None else [n for n in known if n in {*columns, *KEY}]


def _condition(
    model: str | None,
    version: str | None,
    arm: str | None,
    first: int | None,
    last: int | None,
    inputs: bool,
) -> pc.Expression:
    condition = pc.scalar(True)
    for name, value in (("model", model), ("version", version), ("arm", arm)):
        if value is not None:
            condition &= pc.field(name) == value
    utc = SCHEMA.field("answered_at").type
    if first is not None:
        condition &= pc.field("answered_at") >= pa.scalar(first, utc)
    if last is not None:
        condition &= pc.field("answered_at") < pa.scalar(last, utc)
    return condition & pc.field("inputs").is_valid() if inputs else condition


def _table(paths: Sequence[Path], condition: pc.Expression, names: list[str]) -> pa.Table:
    checked = ds.ParquetFragmentScanOptions(page_checksum_verification=True)
    parquet = ds.ParquetFileFormat(default_fragment_scan_options=checked)
    local = fs.LocalFileSystem()
    fragments = [parquet.make_fragment(str(path), local) for path in paths]
    for path, fragment in zip(paths, fragments, strict=True):
        _check_schema(path, fragment)
    dataset = ds.FileSystemDataset(fragments, SCHEMA, parquet, local)
    try:
        table = dataset.to_table(columns=names, filter=condition)
        table.validate(full=True)  # a damaged dictionary is else met by whoever reads its values
        return table
    except (OSError, pa.ArrowException) as error:
        for path, fragment in zip(paths, fragments, strict=True):
            _check_content(path, fragment)
        raise PredictionLogError(f"the prediction log cannot be read: {error}") from error


def _check_schema(path: Path, fragment: ds.ParquetFileFragment) -> None:
    try:
        schema = fragment.physical_schema
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, error) from error
    if not schema.equals(SCHEMA):
        raise PredictionLogError(
            f"{path} does not have the columns of a prediction log of this version: move it away"
        )


def _check_content(path: Path, fragment: ds.ParquetFileFragment) -> None:
    try:
        fragment.to_table().validate(full=True)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> PredictionLogError:
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    return PredictionLogError(f"{path} cannot be read: {said}; if it is damaged, move it away")


def _frame(table: pa.Table, columns: Sequence[str] | None) -> pd.DataFrame:
    scalars = table.drop_columns(["inputs"]) if "inputs" in table.column_names else table
    frame = scalars.to_pandas()
    if columns is None or "prediction_id" in columns:
        numbers = table["row"].cast(pa.string())
        ids = pc.binary_join_element_wise(table["request_id"], numbers, "/")
        frame.insert(0, "prediction_id", ids.to_pandas())
    return frame if columns is None else frame[list(columns)]


def _windows(inputs: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Of bytes that are known; shape (n, lookback, 5)."""
    sizes = pc.unique(pc.binary_length(inputs)).to_pylist()
    if len(sizes) > 1 or any(size % BAR_BYTES for size in sizes):
        raise PredictionLogError(
            f"windows of one look-back alone make an array, these have {sorted(sizes)} bytes of "
            f"{BAR_BYTES} a bar: ask for one version"
        )
    lookback = sizes[0] // BAR_BYTES if sizes else 0
    parts = [_values(chunk) for chunk in inputs.chunks]
    return np.concatenate([np.empty(0), *parts]).reshape(len(inputs), lookback, BAR_VALUES)


def _values(chunk: pa.LargeBinaryArray) -> npt.NDArray[np.float64]:
    """A chunk's bytes as numbers, without a copy."""
    _, offsets, data = chunk.buffers()
    ends = np.frombuffer(offsets, np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
    return np.frombuffer(data, np.uint8)[ends[0] : ends[-1]].view(np.float64)
