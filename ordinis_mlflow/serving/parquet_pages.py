"""How much a Parquet body unpacks to, read from its pages' own headers before any is unpacked.

The footer says so too, but it is the pages that a reader obeys, and a page of a few kilobytes can
state two gigabytes. Source: the Apache Parquet format, parquet.thrift (PageHeader).
"""

from collections.abc import Iterator
from typing import TypeAlias

import pyarrow.parquet as pq

from ordinis_mlflow.errors import RequestRefused
from ordinis_mlflow.serving.bars_table import refuse_too_many_rows
from ordinis_mlflow.serving.thrift import Struct, read_struct

UNPACKED_BYTES = 2**28
"""Most bytes of all pages: twice what a table of the most rows takes as plain float64."""
PAGES = 2**14
ROW_GROUPS = 2**10
DELTA_BYTE_ARRAY = 7
"""An encoding in which each text repeats the one before it: nothing states what it unpacks to."""

Metadata: TypeAlias = pq.FileMetaData


def refuse_bombs(body: bytes, metadata: Metadata, columns: list[int]) -> None:
    """Refuse a body whose wanted columns would unpack to more than a table may have.

    Args:
        body: whole.
        metadata: its footer.
        columns: that will be read, by position.

    Raises:
        RequestRefused: too many rows, row groups, pages or bytes; or an encoding without bounds.
        ValueError: the footer contradicts itself or the pages.
    """
    refuse_too_many_rows(metadata.num_rows)
    if metadata.num_row_groups > ROW_GROUPS:
        raise _too_large(f"{metadata.num_row_groups} row groups, {ROW_GROUPS} are the most")
    rows = pages = size = 0
    for group in range(metadata.num_row_groups):
        rows += metadata.row_group(group).num_rows
        for column in columns:
            for header in _headers(memoryview(body), metadata, group, column):
                pages, size = pages + 1, size + _unpacked(header)
                if pages > PAGES or size > UNPACKED_BYTES:
                    raise _too_large(f"more than {PAGES} pages or {UNPACKED_BYTES} bytes")
    if rows != metadata.num_rows:
        raise ValueError("the row groups have other rows than the file")


def _headers(body: memoryview, metadata: Metadata, group: int, column: int) -> Iterator[Struct]:
    """The page headers of one column of one row group."""
    chunk = metadata.row_group(group).column(column)
    if chunk.num_values != metadata.row_group(group).num_rows:
        raise ValueError("a column has other rows than its group")
    if not chunk.num_values:
        return
    here = chunk.data_page_offset
    if chunk.has_dictionary_page and 0 < chunk.dictionary_page_offset < here:
        here = chunk.dictionary_page_offset
    end = here + chunk.total_compressed_size
    if not 0 < here <= end <= len(body):
        raise ValueError("a column lies outside the file")
    while here < end:
        header, after = read_struct(body[:end], here)
        yield header
        here = after + _size(header.get(3))


def _unpacked(header: Struct) -> int:
    """Bytes that a page states; a page in an encoding without bounds is refused."""
    for body in (5, 8):
        data = header.get(body)
        if isinstance(data, dict) and data.get(2 if body == 5 else 4) == DELTA_BYTE_ARRAY:
            raise RequestRefused(
                400, "invalid_body", "encoding DELTA_BYTE_ARRAY is not read: write text as PLAIN"
            )
    return _size(header.get(2))


def _size(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError("a page has no size")
    return value


def _too_large(what: str) -> RequestRefused:
    return RequestRefused(413, "too_large", f"the Parquet body has {what}: send less")
