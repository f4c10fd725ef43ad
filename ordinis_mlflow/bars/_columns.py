"""Which column of a table means what, and its cells as numbers and names."""

import decimal
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.bars._rules import COLUMNS
from ordinis_mlflow.errors import InvalidBars

_NAMES = {
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c", "last"),
    "volume": ("volume", "vol", "v"),
    "adjusted": ("adjclose", "adjustedclose"),
    "symbol": ("symbol", "ticker", "asset", "sid"),
    "timestamp": ("timestamp", "date", "datetime", "time"),
    "known": ("knownat", "knowntime"),
}
_MEANING = {name: meaning for meaning, names in _NAMES.items() for name in names}
_REQUIRED = (*COLUMNS, "timestamp")


def meaning(label: object) -> str | None:
    """What a column of this name holds; None for a name that says nothing here."""
    if not isinstance(label, str):
        return None
    return _MEANING.get(label.replace(" ", "").replace("_", "").strip().lower())


def find_columns(frame: pd.DataFrame) -> dict[str, "pd.Series[Any]"]:
    """Find the columns, and levels of the index, that a table of bars needs.

    Names count regardless of case, spaces and underscores. A DatetimeIndex is the timestamp
    whatever its name.

    Args:
        frame: Any table.

    Returns:
        Meaning → column; the meanings are `COLUMNS`, "timestamp", and where present "symbol",
        "adjusted" and "known".

    Raises:
        InvalidBars: Something is missing, or two columns claim one meaning.
    """
    if isinstance(frame.columns, pd.MultiIndex):
        raise InvalidBars("the table has several header rows; pass one row per symbol and time")
    found: dict[str, pd.Series[Any]] = {}
    titles: dict[str, str] = {}
    for what, title, column in [*_index_levels(frame), *_columns(frame)]:
        if what in found:
            raise InvalidBars(
                f"columns {titles[what]} and {title} both mean {what}; drop or rename one"
            )
        found[what], titles[what] = column, title
    missing = [name for name in _REQUIRED if name not in found]
    if missing:
        listed = ", ".join(str(label) for label in frame.columns) or "none"
        raise InvalidBars(
            f"columns are missing: {', '.join(missing)}; found: {listed}; rename or add them"
        )
    return found


def has_symbol(frame: pd.DataFrame) -> bool:
    """Whether a column or a level of the index names the symbol."""
    return "symbol" in {meaning(label) for label in [*frame.columns, *frame.index.names]}


def _columns(frame: pd.DataFrame) -> list[tuple[str, str, "pd.Series[Any]"]]:
    """(meaning, title, column) by position, as a name may occur twice."""
    labelled = [(meaning(label), i) for i, label in enumerate(frame.columns)]
    return [
        (what, repr(frame.columns[i]), frame.iloc[:, i].reset_index(drop=True))
        for what, i in labelled
        if what is not None
    ]


def _index_levels(frame: pd.DataFrame) -> list[tuple[str, str, "pd.Series[Any]"]]:
    """(meaning, title, values) of the index's levels that hold timestamps or symbols."""
    found = []
    for i, label in enumerate(frame.index.names):
        values = frame.index.get_level_values(i)
        what = "timestamp" if isinstance(values, pd.DatetimeIndex) else meaning(label)
        if what in ("timestamp", "symbol"):
            title = "the index" if label is None else f"{label!r} (index)"
            found.append((what, title, pd.Series(values)))
    return found


def read_symbols(column: "pd.Series[Any]", timestamps: "pd.Series[Any]") -> list[str]:
    """Read the symbols; whole numbers (security ids) become text.

    Args:
        column: (n,) text or whole numbers.
        timestamps: (n,) as written, for the messages.

    Returns:
        n names.

    Raises:
        InvalidBars: A symbol is missing, blank, or neither text nor a whole number.
    """
    missing = column.isna().to_numpy(dtype=bool)
    cells = column.astype(object).tolist()
    for row, cell in enumerate(cells):
        if missing[row]:
            rule = "symbol is missing; write it or leave the row out"
        elif isinstance(cell, bool) or not isinstance(cell, (str, numbers.Integral)):
            rule = f"symbol {cell!r} is not text; write the symbol as text"
        elif isinstance(cell, str) and not cell.strip():
            rule = "symbol is empty; write it or leave the row out"
        else:
            continue
        raise InvalidBars(f"row {row}, {timestamps.iloc[row]}: {rule}")
    return [str(cell) for cell in cells]


def code_symbols(
    column: "pd.Series[Any]", timestamps: "pd.Series[Any]"
) -> tuple[npt.NDArray[np.intp], list[str]]:
    """Read the symbols as :func:`read_symbols` does, each name once.

    Args:
        column: (n,) text or whole numbers; text is quickest as categories.
        timestamps: (n,) as written, for the messages.

    Returns:
        (n,) position of each row's symbol among the names, and these in order of first appearance.

    Raises:
        InvalidBars: as of ``read_symbols``.
    """
    if isinstance(column.dtype, pd.StringDtype | pd.CategoricalDtype):
        codes, distinct = pd.factorize(column)
        names = distinct.tolist()
        if codes.min() >= 0 and all(isinstance(name, str) and name.strip() for name in names):
            return codes, names
    position: dict[str, int] = {}
    rows = read_symbols(column, timestamps)
    listed = [position.setdefault(name, len(position)) for name in rows]
    return np.array(listed, dtype=np.intp), list(position)


def read_numbers(
    name: str, column: "pd.Series[Any]", symbols: Sequence[str], timestamps: pd.DatetimeIndex
) -> npt.NDArray[np.float64]:
    """Read a column of numbers; missing ones become NaN, which the value rules refuse.

    Args:
        name: What the column means, for the messages.
        column: (n,) numbers, or objects that are numbers, decimals or numbers as text.
        symbols: (n,) each row's symbol.
        timestamps: (n,) each row's time.

    Returns:
        (n,) float64.

    Raises:
        InvalidBars: A cell is not a number; symbol, timestamp and cell are named.
    """
    if column.dtype.kind in "iuf":
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    result = np.empty(len(column))
    for row, cell in enumerate(column.astype(object)):
        number = _number(cell)
        if number is None:
            raise InvalidBars(
                f"symbol {symbols[row]!r}, {timestamps[row]}: {name} {cell!r} is not a number; "
                "correct the cell or leave the row out"
            )
        result[row] = number
    return result


def _number(cell: object) -> float | None:
    """One cell as a float, NaN if it is missing, None if it is no number."""
    if cell is None or cell is pd.NA:
        return float("nan")
    if isinstance(cell, (bool, np.bool_)) or not isinstance(
        cell, (str, numbers.Real, decimal.Decimal)
    ):
        return None
    if isinstance(cell, str) and "_" in cell:  # float() reads "1_000"; no data file means that
        return None
    try:
        return float(cell)
    except ValueError:
        return None
    except OverflowError:  # a whole number beyond float64; the value rules refuse infinity
        return float("inf")
