"""Parquet bodies: a table of bars."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ordinis_mlflow.errors import InvalidBars
from ordinis_mlflow.flavor import SignalModel
from ordinis_mlflow.serving.arms import Asked
from ordinis_mlflow.serving.arrow_table import frame_of, readable, wanted
from ordinis_mlflow.serving.bars_table import asked
from ordinis_mlflow.serving.parquet_pages import refuse_bombs

THRIFT = {"thrift_string_size_limit": 2**20, "thrift_container_size_limit": 2**16}
"""Most bytes of a text, and entries of a list, in the footer."""


def read_parquet(body: bytes, model: SignalModel) -> Asked:
    """What a Parquet body asks.

    Raises:
        RequestRefused: it is not Parquet, is damaged, or unpacks to too much.
        InvalidBars: a column has another type, or a bar breaks a rule.
    """
    with readable("a Parquet file"):
        frame = _frame(body)
    return asked(frame, model)


def _frame(body: bytes) -> pd.DataFrame:
    footer = pq.ParquetFile(pa.BufferReader(body), pre_buffer=False, **THRIFT)
    schema = footer.schema_arrow
    if footer.metadata.num_columns != len(schema):
        raise InvalidBars("a table of bars has no columns within columns")
    columns = wanted(schema)
    refuse_bombs(body, footer.metadata, columns)
    names = [schema[i].name for i in columns]
    # Text stays in its dictionary: written out, one long text could fill the memory row by row.
    file = pq.ParquetFile(
        pa.BufferReader(body), metadata=footer.metadata, read_dictionary=names, pre_buffer=False,
        **THRIFT,
    )  # fmt: skip
    return frame_of(file.read(names, use_threads=False))
