"""Tables of bars, however they were sent, to what is asked: the latest window of each symbol."""

import pandas as pd

from ordinis_mlflow.bars import meaning
from ordinis_mlflow.errors import InvalidBars, RequestRefused, TooFewBars
from ordinis_mlflow.flavor import SignalModel
from ordinis_mlflow.serving.arms import Asked

ROWS = 2**21
"""Most rows of a table: 500 symbols of daily bars over sixteen years."""
CHARACTERS = 64
"""Most of a symbol or of a time that is written as text."""


def asked(frame: pd.DataFrame, model: SignalModel) -> Asked:
    """What a table of bars asks.

    Args:
        frame: as of ``Bars.from_frame``; text is in categories.
        model: whose windows are wanted.

    Raises:
        TooFewBars: there are none, or fewer than a window.
        InvalidBars: no symbol is named, a bar breaks a rule, or they have another frequency
            than the model's.
    """
    if not len(frame):
        raise TooFewBars("the table of bars is empty; send at least one row")
    if "symbol" not in {meaning(label) for label in frame.columns}:
        raise InvalidBars("the table has no symbol column: add one, also for a single symbol")
    for label, column in frame.items():
        _refuse_long_text(str(label), column)
    latest = model.latest(frame)
    return Asked(latest.windows, latest.symbols, latest.timestamps.as_unit("ns").asi8)


def refuse_too_many_rows(rows: int) -> None:
    """Raise RequestRefused for a table with more rows than one may have."""
    if not 0 <= rows <= ROWS:
        raise RequestRefused(
            413, "too_many_rows", f"a table may have {ROWS} rows, this one has {rows}: send less"
        )


def _refuse_long_text(label: str, column: "pd.Series[str]") -> None:
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return
    longest = max((len(text) for text in column.cat.categories if isinstance(text, str)), default=0)
    if longest > CHARACTERS:
        raise InvalidBars(
            f"a cell of column {label[:CHARACTERS]!r} has {longest} characters: symbols and times "
            f"have {CHARACTERS} at most"
        )
