"""Thrift's compact protocol, as far as the headers of Parquet's pages use it.

Source: the Apache Thrift specification, "Thrift Compact protocol encoding".
"""

from typing import TypeAlias

STOP, TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, STRUCT = 0, 1, 2, 3, 4, 5, 6, 7, 8, 12
DEPTH = 4
"""Structs within structs; Parquet's page headers have two."""
VARINT_BYTES = 10

Struct: TypeAlias = "dict[int, int | Struct]"
"""Field number to value; the values of doubles and texts are passed over."""


def read_struct(data: memoryview, start: int, depth: int = DEPTH) -> tuple[Struct, int]:
    """A struct, and the position after it.

    Raises:
        ValueError: it is not one that a page header can be.
        IndexError: it goes on after the end.
    """
    if depth == 0:
        raise ValueError("structs are nested too deep")
    fields: Struct = {}
    number, here = 0, start
    while data[here] != STOP:
        step, kind = divmod(data[here], 16)
        here += 1
        if step:
            number += step
        else:
            number, here = _zigzag(data, here)
        if kind in (TRUE, FALSE):
            fields[number] = int(kind == TRUE)
        elif kind in (I16, I32, I64):
            fields[number], here = _zigzag(data, here)
        elif kind == STRUCT:
            fields[number], here = read_struct(data, here, depth - 1)
        else:
            here = _after(data, here, kind)
    return fields, here + 1


def _after(data: memoryview, here: int, kind: int) -> int:
    """The position after a value that is of no interest."""
    if kind == BYTE:
        return here + 1
    if kind == DOUBLE:
        return here + 8
    if kind == BINARY:
        size, here = _varint(data, here)
        return here + size
    raise ValueError(f"a page header has no fields of type {kind}")


def _zigzag(data: memoryview, here: int) -> tuple[int, int]:
    number, here = _varint(data, here)
    return (number >> 1) ^ -(number & 1), here


def _varint(data: memoryview, here: int) -> tuple[int, int]:
    number = 0
    for place in range(VARINT_BYTES):
        byte = data[here + place]
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return number, here + place + 1
    raise ValueError("a number has too many digits")
