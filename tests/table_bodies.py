"""Bodies of bars in every form that the server takes, and damage to them."""

import io
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

JSON = "application/json"
PARQUET = "application/vnd.apache.parquet"
STREAM = "application/vnd.apache.arrow.stream"
FILE = "application/vnd.apache.arrow.file"


def written(frame, zone="Z"):
    """Times as text."""
    return frame.assign(timestamp=frame["timestamp"].dt.strftime(f"%Y-%m-%dT%H:%M:%S{zone}"))


def split(frame):
    return json.dumps({"dataframe_split": written(frame).to_dict("split")}).encode()


def records(frame):
    return json.dumps({"dataframe_records": written(frame).to_dict("records")}).encode()


def table_of(frame):
    if isinstance(frame, pa.Table):
        return frame
    return pa.Table.from_pandas(frame, preserve_index=False)


def parquet(frame, **options):
    out = io.BytesIO()
    pq.write_table(table_of(frame), out, **options)
    return out.getvalue()


def arrow(frame, new=pa.ipc.new_stream, **options):
    out, table = io.BytesIO(), table_of(frame)
    with new(out, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=100)
    return out.getvalue()


def arrow_file(frame):
    return arrow(frame, pa.ipc.new_file)


WRITERS = {JSON: records, PARQUET: parquet, STREAM: arrow, FILE: arrow_file}


def few_bars(rows=3):
    """Bars by formula, too few for any model."""
    times = pd.date_range("2020-01-01", periods=rows, tz="UTC")
    bar = {"open": 100.0, "high": 101.0, "low": 99.0, "close": 100.0, "volume": 9}
    return pd.DataFrame({"symbol": "A", "timestamp": times, **bar})


@st.composite
def damaged(draw, body):
    """A body with bytes changed, left out, put in or cut off; rarely none."""
    data = bytearray(body)
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        how = draw(st.sampled_from(["change", "cut", "remove", "insert", "repeat"]))
        if how == "change" and data:
            data[place] = draw(st.integers(0, 255))
        elif how == "cut":
            del data[place:]
        elif how == "remove":
            del data[place : place + draw(st.integers(1, 64))]
        elif how == "insert":
            data[place:place] = draw(st.binary(min_size=1, max_size=16))
        else:
            data[place:place] = data[place : place + draw(st.integers(1, 64))]
    return bytes(data)
