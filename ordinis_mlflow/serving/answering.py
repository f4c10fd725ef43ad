"""From scores to answers: one signal a window or a symbol, in JSON, Arrow or Parquet."""

import io
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ordinis_mlflow.serving.answers import (
    Predictions,
    SymbolPredictions,
    SymbolSignal,
    WindowSignal,
)
from ordinis_mlflow.serving.arms import Asked, Scored
from ordinis_mlflow.serving.http import JSON
from ordinis_mlflow.serving.strict_json import encode

NANOSECONDS = pa.timestamp("ns", "UTC")


def json_answer(asked: Asked, scored: Scored) -> bytes:
    """As MLflow answers windows; with symbol, time and version for bars."""
    numbers = [values.tolist() for _, values in scored.signal.columns()]
    if asked.symbols is None or asked.timestamps is None:
        return encode(Predictions([WindowSignal(*row) for row in zip(*numbers, strict=True)]))
    rows = zip(asked.symbols, iso(asked.timestamps), *numbers, versions(scored), strict=True)
    return encode(SymbolPredictions([SymbolSignal(*row) for row in rows]))


def iso(nanoseconds: npt.NDArray[np.int64]) -> list[str]:
    """ISO 8601 in UTC: whole seconds if all are, else nanoseconds."""
    whole = not (nanoseconds % 10**9).any()
    times = nanoseconds.astype("datetime64[ns]")
    texts = np.datetime_as_string(times, unit="s" if whole else "ns", timezone="UTC")
    listed: list[str] = texts.tolist()
    return listed


def versions(scored: Scored) -> list[str]:
    """The version that answered each row."""
    found = np.empty(len(scored.signal), dtype=object)
    for part in scored.parts:
        found[slice(None) if part.rows is None else part.rows] = part.served.version
    listed: list[str] = found.tolist()
    return listed


def table(asked: Asked, scored: Scored) -> pa.Table:
    """The same columns as the JSON's fields."""
    columns = {name: pa.array(values) for name, values in scored.signal.columns()}
    if asked.symbols is None or asked.timestamps is None:
        return pa.table(columns)
    named = {
        "symbol": pa.array(asked.symbols, pa.string()),
        "timestamp": pa.array(asked.timestamps).cast(NANOSECONDS),
    }
    return pa.table(named | columns | {"model_version": pa.array(versions(scored), pa.string())})


def parquet_answer(asked: Asked, scored: Scored) -> bytes:
    """A Parquet file."""
    out = io.BytesIO()
    pq.write_table(table(asked, scored), out)
    return out.getvalue()


def arrow_stream_answer(asked: Asked, scored: Scored) -> bytes:
    """An Arrow stream."""
    return _arrow(asked, scored, pa.ipc.new_stream)


def arrow_file_answer(asked: Asked, scored: Scored) -> bytes:
    """An Arrow file."""
    return _arrow(asked, scored, pa.ipc.new_file)


def _arrow(
    asked: Asked, scored: Scored, new: Callable[..., pa.ipc.RecordBatchStreamWriter]
) -> bytes:
    answer = table(asked, scored)
    out = io.BytesIO()
    with new(out, answer.schema) as writer:
        writer.write_table(answer)
    return out.getvalue()


WRITERS = {
    JSON: json_answer,
    b"application/vnd.apache.parquet": parquet_answer,
    b"application/vnd.apache.arrow.stream": arrow_stream_answer,
    b"application/vnd.apache.arrow.file": arrow_file_answer,
}
"""Media type to how an answer of it is written."""


def accepted(header: bytes | None) -> bytes:
    """The media type of :data:`WRITERS` that an ``Accept`` header likes best; JSON if none.

    Of several liked equally, the one named first.
    """
    if header is None or header == b"*/*":
        return JSON
    liked = [(quality, media) for media, quality in _ranges(header) if media in WRITERS]
    quality, media = max(liked, key=lambda each: each[0], default=(0.0, JSON))
    return media if quality > 0 else JSON


def _ranges(header: bytes) -> Iterable[tuple[bytes, float]]:
    """Media types and how much each is liked, 0 to 1."""
    for part in header.lower().split(b","):
        media, *parameters = (each.strip() for each in part.split(b";"))
        quality = next((each[2:] for each in parameters if each.startswith(b"q=")), b"1")
        try:
            yield media, float(quality)
        except ValueError:
            yield media, 0.0
