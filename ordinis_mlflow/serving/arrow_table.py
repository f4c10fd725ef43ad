"""Arrow tables of bars, from bytes that nobody trusts, to frames for ``Bars.from_frame``."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import pyarrow as pa

from ordinis_mlflow.bars import meaning
from ordinis_mlflow.errors import InvalidBars, OrdinisError, RequestRefused
from ordinis_mlflow.serving.bars_json import NUMBERS, TEXT

TYPES = {
    "symbol": "text or whole numbers",
    "timestamp": "timestamps with a time zone, or text in ISO 8601",
}


@contextmanager
def readable(form: str) -> Iterator[None]:
    """The one door at which errors about hostile or damaged bytes become ours.

    Args:
        form: what they should be, with its article.
    """
    try:
        yield
    except OrdinisError:
        raise
    except MemoryError:
        raise RequestRefused(413, "too_large", "the body unpacks to too much: send less") from None
    except (
        pa.ArrowException, ArithmeticError, LookupError, OSError, RuntimeError, TypeError,
        ValueError, struct.error,
    ) as error:  # fmt: skip
        # pyarrow's and pandas' own text is not shown: it may hold what was sent.
        raise RequestRefused(
            400, "invalid_body", f"the body cannot be read as {form}: it is damaged or incomplete"
        ) from error


def wanted(schema: pa.Schema) -> list[int]:
    """Positions of the columns that bars have, each of a type that can mean what it is called.

    Raises:
        InvalidBars: a column has another type.
    """
    found = [i for i, field in enumerate(schema) if meaning(field.name) in NUMBERS | TEXT]
    if not found:
        raise InvalidBars(f"the table has none of the columns {', '.join(sorted(NUMBERS | TEXT))}")
    for i in found:
        what, kind = str(meaning(schema[i].name)), schema[i].type
        if not _fits(what, kind):
            # Its name is not the client's text but one of ours, however it was spelled.
            raise InvalidBars(
                f"column {what} must be {TYPES.get(what, 'numbers')}, not {str(kind)[:64]}"
            )
    return found


def frame_of(table: pa.Table) -> pd.DataFrame:
    """The columns of a table that has only wanted ones; text becomes categories."""
    table.validate(full=True)
    columns = [_column(field, table.column(i)) for i, field in enumerate(table.schema)]
    frame = pd.DataFrame(dict(enumerate(columns)))
    frame.columns = pd.Index(table.schema.names, dtype=object)
    return frame


def _fits(what: str, kind: pa.DataType) -> bool:
    if what in NUMBERS:
        return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
    if what == "timestamp" and pa.types.is_timestamp(kind):
        return kind.tz is not None
    return _is_text(kind) or (what == "symbol" and bool(pa.types.is_integer(kind)))


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _column(field: pa.Field, column: pa.ChunkedArray) -> "pd.Series[Any]":
    if meaning(field.name) in NUMBERS:
        return pd.Series(column.cast(pa.float64(), safe=False).to_numpy())
    if pa.types.is_timestamp(field.type):
        # What is stored is UTC whatever the zone is called, and its name may be anything.
        series: pd.Series[Any] = column.cast(pa.timestamp(field.type.unit, "UTC")).to_pandas()
        return series
    if not _is_text(field.type):
        return pd.Series(column.to_pandas())
    coded = column if pa.types.is_dictionary(field.type) else column.dictionary_encode()
    text: pd.Series[Any] = coded.unify_dictionaries().to_pandas()
    return text
