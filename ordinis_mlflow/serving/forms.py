"""Which bodies ``/invocations`` takes."""

from ordinis_mlflow.serving.arrow_body import read_arrow_file, read_arrow_stream
from ordinis_mlflow.serving.described import BYTES
from ordinis_mlflow.serving.invocations import Form
from ordinis_mlflow.serving.json_body import OneForm, read_json
from ordinis_mlflow.serving.parquet_body import read_parquet

INLINE_BYTES = 2**16
"""JSON up to here is read in a millisecond; what few bytes of Parquet unpack to is not known."""

FORMS = {
    "application/json": Form(read_json, OneForm, INLINE_BYTES),
    "application/vnd.apache.parquet": Form(read_parquet, BYTES),
    "application/vnd.apache.arrow.stream": Form(read_arrow_stream, BYTES),
    "application/vnd.apache.arrow.file": Form(read_arrow_file, BYTES),
}
"""By media type."""
