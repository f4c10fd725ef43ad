"""Whether an Arrow stream is compressed, read from its messages before any is unpacked.

A compressed buffer states by itself how much it unpacks to, without bounds; an uncompressed one is
read in place, and cannot be larger than the body. Source: the Apache Arrow columnar format,
Message.fbs, and FlatBuffers' internals.
"""

import struct

import pyarrow as pa

from ordinis_mlflow.errors import RequestRefused

MESSAGES = 2**12
DICTIONARY_BATCH, RECORD_BATCH = 2, 3
HEADER_TYPE, HEADER = 1, 2
"""Fields of Message."""
DATA, COMPRESSION = 1, 3
"""Fields of DictionaryBatch and RecordBatch."""


def refuse_compressed(stream: pa.Buffer) -> None:
    """Raise RequestRefused for a stream with a compressed batch, or with too many of them."""
    for number, message in enumerate(pa.ipc.MessageReader.open_stream(stream)):
        if number > MESSAGES:
            raise RequestRefused(
                413, "too_large", f"an Arrow body may have {MESSAGES} batches: write larger ones"
            )
        if _compressed(memoryview(message.metadata)):
            raise RequestRefused(
                400, "invalid_body", "compressed Arrow is not read: send it uncompressed"
            )


def _compressed(metadata: memoryview) -> bool:
    message: int = struct.unpack_from("<I", metadata)[0]
    place = _field(metadata, message, HEADER_TYPE)
    kind = metadata[place] if place else 0
    batch = _table(metadata, message, HEADER)
    if kind == DICTIONARY_BATCH:
        batch = _table(metadata, batch, DATA)
    elif kind != RECORD_BATCH:
        return False
    return _field(metadata, batch, COMPRESSION) != 0


def _table(metadata: memoryview, table: int, number: int) -> int:
    """Position of the table in a table's field."""
    place = _field(metadata, table, number)
    if not place:
        raise ValueError("a batch has no header")
    offset: int = struct.unpack_from("<I", metadata, place)[0]
    return place + offset


def _field(metadata: memoryview, table: int, number: int) -> int:
    """Position of a table's field; 0 if the table does not have it."""
    fields: int = table - struct.unpack_from("<i", metadata, table)[0]
    size: int = struct.unpack_from("<H", metadata, fields)[0]
    slot = 4 + 2 * number
    offset: int = struct.unpack_from("<H", metadata, fields + slot)[0] if slot < size else 0
    return table + offset if offset else 0
