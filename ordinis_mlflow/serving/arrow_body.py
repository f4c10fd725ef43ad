"""Arrow bodies, as a stream or as a file: a table of bars."""

import pandas as pd
import pyarrow as pa

from ordinis_mlflow.flavor import SignalModel
from ordinis_mlflow.serving.arms import Asked
from ordinis_mlflow.serving.arrow_messages import refuse_compressed
from ordinis_mlflow.serving.arrow_table import frame_of, readable, wanted
from ordinis_mlflow.serving.bars_table import asked, refuse_too_many_rows

MAGIC = b"ARROW1"
STREAM_IN_FILE = 8
"""A file is this magic, padded, then a stream, then an index of it that is not needed here."""


def read_arrow_stream(body: bytes, model: SignalModel) -> Asked:
    """What an Arrow stream asks.

    Raises:
        RequestRefused: it is no Arrow, is damaged, compressed, or has too many rows.
        InvalidBars: a column has another type, or a bar breaks a rule.
    """
    with readable("an Arrow stream"):
        frame = _frame(pa.py_buffer(body))
    return asked(frame, model)


def read_arrow_file(body: bytes, model: SignalModel) -> Asked:
    """What an Arrow file asks; raises as :func:`read_arrow_stream`."""
    with readable("an Arrow file"):
        if not body.startswith(MAGIC) or not body.endswith(MAGIC):
            raise ValueError("the magic is missing")
        frame = _frame(pa.py_buffer(body)[STREAM_IN_FILE:])
    return asked(frame, model)


def _frame(stream: pa.Buffer) -> pd.DataFrame:
    refuse_compressed(stream)
    columns = wanted(pa.ipc.open_stream(stream).schema)
    options = pa.ipc.IpcReadOptions(included_fields=columns, use_threads=False)
    table = pa.ipc.open_stream(stream, options=options).read_all()
    refuse_too_many_rows(table.num_rows)
    return frame_of(table)
