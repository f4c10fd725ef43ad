"""JSON bodies of bars: ``dataframe_split`` and ``dataframe_records``, as pandas writes them.

Stricter than pandas: a number is a number and not text, and every row has every column.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from ordinis_mlflow.bars import COLUMNS, meaning
from ordinis_mlflow.errors import InvalidBars, RequestRefused
from ordinis_mlflow.serving.bars_table import refuse_too_many_rows

NUMBERS = {*COLUMNS, "adjusted"}
TEXT = {"symbol", "timestamp"}


class Split(msgspec.Struct):
    """A table by rows, under its columns' names; other columns than bars have are passed over."""

    columns: list[str]
    data: list[list[Any]]


Record = dict[str, Any]
"""One bar, by column name."""


def frame_of_split(split: Split) -> pd.DataFrame:
    """A table for ``Bars.from_frame``.

    Raises:
        InvalidBars: a row has another length than the columns, or a cell another type.
        RequestRefused: there are too many rows.
    """
    refuse_too_many_rows(len(split.data))
    width = len(split.columns)
    for number, row in enumerate(split.data):
        if len(row) != width:
            raise InvalidBars(f"row {number} has {len(row)} cells, but there are {width} columns")
    return _frame(split.columns, list(zip(*split.data, strict=True)) or [()] * width)


def frame_of_records(records: list[Record]) -> pd.DataFrame:
    """A table for ``Bars.from_frame``.

    Raises:
        InvalidBars: records have different columns, or a cell has another type.
        RequestRefused: there are too many rows.
    """
    refuse_too_many_rows(len(records))
    names = records[0].keys() if records else []
    for number, record in enumerate(records):
        if record.keys() != names:
            raise InvalidBars(f"record {number} has other columns than the first one")
    return _frame(list(names), [[record[name] for record in records] for name in names])


def _frame(names: Sequence[str], columns: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """The columns that bars have; two of one meaning are kept for ``Bars`` to refuse."""
    kept = [
        (name, _column(name, what, cells))
        for name, cells in zip(names, columns, strict=True)
        if (what := meaning(name)) in NUMBERS | TEXT
    ]
    frame = pd.DataFrame(dict(enumerate(column for _, column in kept)))
    frame.columns = pd.Index([name for name, _ in kept], dtype=object)
    return frame


def _column(name: str, what: str | None, cells: Sequence[Any]) -> "pd.Series[Any]":
    kinds = set(map(type, cells))
    if what in NUMBERS:
        _refuse_other(name, "a number", cells, kinds - {int, float})
        try:
            return pd.Series(np.array(cells, dtype=np.float64))
        except OverflowError:
            raise RequestRefused(
                400, "invalid_type", f"column {name[:64]!r}: a number is out of range"
            ) from None
    _refuse_other(name, "text", cells, kinds - {str} - ({int} if what == "symbol" else set()))
    return pd.Series(cells, dtype="category" if kinds == {str} else object)


def _refuse_other(name: str, wanted: str, cells: Sequence[Any], kinds: set[type]) -> None:
    if kinds:
        row = next(row for row, cell in enumerate(cells) if type(cell) in kinds)
        raise InvalidBars(f"row {row}: column {name[:64]!r} must be {wanted}")
