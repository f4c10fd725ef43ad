"""What a price bar is, and the ways in for bars: tables, files, databases and bundled data sets.

Everything past this door may rely on what `Bars` promises: UTC, sorted, unique, finite, positive.
The value rules are also offered alone (`check_values`), for windows that are served.
"""

from ordinis_mlflow.bars._bars import Bars
from ordinis_mlflow.bars._columns import meaning
from ordinis_mlflow.bars._rules import COLUMNS, TOLERANCE, Violation, check_values
from ordinis_mlflow.bars._series import SymbolBars
from ordinis_mlflow.bars._sources import (
    load_bars,
    load_table,
    read_csv,
    read_dataset,
    read_parquet,
)
from ordinis_mlflow.bars._sql import read_sql
from ordinis_mlflow.bars._table import Table
from ordinis_mlflow.bars._times import instant

__all__ = [
    "COLUMNS",
    "TOLERANCE",
    "Bars",
    "SymbolBars",
    "Table",
    "Violation",
    "check_values",
    "instant",
    "load_bars",
    "load_table",
    "meaning",
    "read_csv",
    "read_dataset",
    "read_parquet",
    "read_sql",
]
