"""Which bodies ``/invocations`` takes: media type to reader, and to what the document shows."""

from typing import Any

from ordinis_mlflow.serving.arrow_body import read_arrow_file, read_arrow_stream
from ordinis_mlflow.serving.described import BYTES
from ordinis_mlflow.serving.invocations import Reader
from ordinis_mlflow.serving.json_body import OneForm, read_json
from ordinis_mlflow.serving.parquet_body import read_parquet

READERS: dict[str, Reader] = {
    "application/json": read_json,
    "application/vnd.apache.parquet": read_parquet,
    "application/vnd.apache.arrow.stream": read_arrow_stream,
    "application/vnd.apache.arrow.file": read_arrow_file,
}
BODIES: dict[str, tuple[Any, ...]] = {
    media: (OneForm,) if media == "application/json" else (BYTES,) for media in READERS
}
