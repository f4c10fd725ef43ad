"""Batch: predictions as columns. numpy and Arrow move whole columns; Python touches each request.

The writer's thread shares the interpreter with the event loop, so what it does in one go is small.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ordinis_mlflow.prediction_log.layout import day_of, folder_of
from ordinis_mlflow.prediction_log.predictions import Predictions, Source

UTC = pa.timestamp("ns", tz="UTC")
NAME = pa.dictionary(pa.int32(), pa.string())
"""As Arrow and pandas type a folder such as model=sp500: they read a log as one table."""
SCHEMA = pa.schema(
    [
        pa.field("request_id", pa.string(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("answered_at", UTC, nullable=False),
        pa.field("arm", NAME, nullable=False),
        pa.field("model", NAME, nullable=False),
        pa.field("version", NAME, nullable=False),
        pa.field("feature_set", NAME, nullable=False),
        pa.field("features_digest", NAME, nullable=False),
        pa.field("symbol", NAME),
        pa.field("bar_time", UTC),
        pa.field("horizon", pa.int32(), nullable=False),
        pa.field("degrees_of_freedom", pa.int32(), nullable=False),
        pa.field("mean", pa.float32(), nullable=False),
        pa.field("scale", pa.float32(), nullable=False),
        pa.field("probability_up", pa.float32(), nullable=False),
        pa.field("direction", pa.int8(), nullable=False),
        pa.field("strength", pa.float32(), nullable=False),
        # float64, (lookback, 5) in C order: any look-back fits into one schema, no copy to read.
        pa.field("inputs", pa.large_binary()),
    ]
)
UNKNOWN = np.iinfo(np.int64).min  # numpy's NaT
SLICE_REQUESTS, SLICE_BYTES = 128, 4 * 2**20
"""Most that is turned into columns in one go: some tenths of a millisecond."""
NOTHING = np.empty(0)


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of one source and day as they will lie in a file.

    Attributes:
        folder: of the file, below the log's.
        rows: of ``SCHEMA``.
        nbytes: that they were counted with when they were added.
    """

    folder: Path
    rows: pa.RecordBatch
    nbytes: int


def slices(predictions: Sequence[Predictions]) -> Iterator[Sequence[Predictions]]:
    """In order, cut so that each is turned into columns quickly."""
    first = size = 0
    for last, each in enumerate(predictions):
        if last > first and (last - first >= SLICE_REQUESTS or size + each.nbytes > SLICE_BYTES):
            yield predictions[first:last]
            first, size = last, 0
        size += each.nbytes
    if predictions:
        yield predictions[first:]


def files(batches: Sequence[Batch], rows: int) -> Iterator[list[Batch]]:
    """Batches of one folder each, in order, cut after at least so many rows."""
    folders: dict[Path, list[Batch]] = {}
    for each in batches:
        file = folders.setdefault(each.folder, [])
        file.append(each)
        if sum(one.rows.num_rows for one in file) >= rows:
            yield folders.pop(each.folder)
    yield from folders.values()


def batch_of(predictions: Sequence[Predictions]) -> Batch:
    """Columns of predictions of one source and day.

    Raises:
        UnicodeEncodeError: an id or a symbol is no text that a file can hold.
    """
    source = predictions[0].source
    counts = np.array([len(each) for each in predictions])
    columns = {
        **_constants(source, int(counts.sum())),
        **_signals(predictions),
        "request_id": pa.array(
            list(chain.from_iterable(repeat(each.request_id, len(each)) for each in predictions)),
            pa.string(),
        ),
        "row": pa.array(np.concatenate([_row_numbers(each) for each in predictions])),
        "answered_at": _times(np.repeat([each.answered_at for each in predictions], counts)),
        "symbol": pa.array(list(chain.from_iterable(map(_symbols, predictions))), NAME),
        "bar_time": _times(np.concatenate([_bar_times(each) for each in predictions])),
        "inputs": _inputs(predictions, counts),
    }
    arrays = [columns[name] for name in SCHEMA.names]
    rows = pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
    folder = folder_of(source.model, day_of(predictions[0].answered_at))
    return Batch(folder, rows, sum(each.nbytes for each in predictions))


def _constants(source: Source, n: int) -> dict[str, pa.Array]:
    names = ("arm", "model", "version", "feature_set", "features_digest")
    first = np.zeros(n, np.int32)
    return {
        "horizon": pa.repeat(pa.scalar(source.horizon, pa.int32()), n),
        "degrees_of_freedom": pa.repeat(pa.scalar(source.degrees_of_freedom, pa.int32()), n),
        **{
            name: pa.DictionaryArray.from_arrays(first, pa.array([getattr(source, name)]))
            for name in names
        },
    }


def _signals(predictions: Sequence[Predictions]) -> dict[str, pa.Array]:
    signals = [each.signal for each in predictions]
    return {
        name: pa.array(
            np.concatenate([getattr(each, name) for each in signals], dtype=dtype, casting="unsafe")
        )
        for name, dtype in (
            ("mean", np.float32),
            ("scale", np.float32),
            ("probability_up", np.float32),
            ("direction", np.int8),
            ("strength", np.float32),
        )
    }


def _row_numbers(each: Predictions) -> npt.NDArray[np.int32]:
    return np.arange(len(each), dtype=np.int32) if each.rows is None else each.rows.astype(np.int32)


def _symbols(each: Predictions) -> Iterable[str | None]:
    return repeat(None, len(each)) if each.symbols is None else each.symbols


def _bar_times(each: Predictions) -> npt.NDArray[np.int64]:
    return np.full(len(each), UNKNOWN) if each.bar_times is None else each.bar_times


def _times(nanoseconds: npt.NDArray[np.int64]) -> pa.Array:
    return pa.array(nanoseconds, UTC, mask=nanoseconds == UNKNOWN)


def _inputs(predictions: Sequence[Predictions], counts: npt.NDArray[np.intp]) -> pa.Array:
    windows = [each.windows for each in predictions]
    widths = [0 if each is None else each.nbytes // max(len(each), 1) for each in windows]
    known = np.repeat([each is not None for each in windows], counts)
    ends = np.cumsum(np.repeat(np.array(widths, np.int64), counts))
    data = np.concatenate([NOTHING, *(each.ravel() for each in windows if each is not None)])
    buffers = (
        np.packbits(known, bitorder="little"),
        np.concatenate([np.zeros(1, np.int64), ends]),
        data,
    )
    return pa.Array.from_buffers(
        pa.large_binary(), len(ends), [pa.py_buffer(each) for each in buffers]
    )
