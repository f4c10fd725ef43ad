"""Bars out of files and bundled data sets, and the one function that picks the reader."""

import importlib
import warnings
from pathlib import Path

import pandas as pd

from ordinis_mlflow.bars._bars import Bars
from ordinis_mlflow.bars._columns import has_symbol, meaning
from ordinis_mlflow.bars._sql import sql_table
from ordinis_mlflow.bars._table import Table
from ordinis_mlflow.errors import InvalidBars, TooFewBars

_DATASETS = {"sp500": "arch.data.sp500", "nasdaq": "arch.data.nasdaq"}
_ACCEPTED = (
    f"a data set ({', '.join(_DATASETS)}), a file (*.csv, *.parquet, *.pq) "
    "or a database URL (with :// and query=)"
)
_MISSING = ["", "NA", "NaN", "nan", "null"]


def load_table(
    source: str, *, symbol: str | None = None, timezone: str | None = None, query: str | None = None
) -> Table:
    """Read a data set, a file or a database, whichever the source's form says.

    Args:
        source: "sp500" or "nasdaq"; a path that ends in .csv, .parquet or .pq; a SQLAlchemy URL.
        symbol: The symbol of rows without a symbol column; files default to the file's stem.
        timezone: IANA name of the zone in which naive timestamps were written.
        query: The SELECT for a URL.

    Returns:
        The rows, not yet checked.

    Raises:
        FileNotFoundError: The file does not exist.
        InvalidBars: The source's form is unknown, or an argument does not fit it.
    """
    if "://" in source:
        if query is None:
            raise InvalidBars("a database URL needs query=; pass a SELECT for the bars")
        return sql_table(query, source, symbol=symbol, timezone=timezone)
    if query is not None:
        raise InvalidBars("query= is for a database URL (with ://); leave it out")
    if source in _DATASETS:
        if symbol is not None or timezone is not None:
            raise InvalidBars(f"data set {source!r} sets symbol and timezone; leave them out")
        return _dataset_table(source)
    suffix = Path(source).suffix.lower()
    if suffix == ".csv":
        return _csv_table(source, symbol, timezone)
    if suffix in (".parquet", ".pq"):
        return _parquet_table(source, symbol, timezone)
    # A URL that lost its scheme may still carry a password.
    shown = "the source" if "@" in source else f"source {source!r}"
    raise InvalidBars(f"{shown} is none of those accepted; pass {_ACCEPTED}")


def load_bars(
    source: str, *, symbol: str | None = None, timezone: str | None = None, query: str | None = None
) -> Bars:
    """The rows of :func:`load_table` as bars; InvalidBars also where one breaks a rule."""
    return load_table(source, symbol=symbol, timezone=timezone, query=query).bars()


def read_csv(path: str | Path, *, symbol: str | None = None, timezone: str | None = None) -> Bars:
    """Read a comma-separated file with a header row, in UTF-8.

    Args:
        path: The file.
        symbol: The symbol if there is no such column; the file's stem by default.
        timezone: IANA name of the zone in which naive timestamps were written.

    Returns:
        The bars; numbers are the nearest float64 to what is written.

    Raises:
        FileNotFoundError: The file does not exist.
        InvalidBars: The file is not such a table, or a rule is broken.
    """
    return _csv_table(path, symbol, timezone).bars()


def _csv_table(path: str | Path, symbol: str | None, timezone: str | None) -> Table:
    file = _existing(path)
    try:
        frame = _csv_frame(file)
    except pd.errors.EmptyDataError as error:
        raise TooFewBars(f"{file.name} is empty; write a header and at least one bar") from error
    except (ValueError, pd.errors.ParserWarning) as error:  # parser and decoding errors are these
        raise InvalidBars(
            f"{file.name} is not a comma-separated table in UTF-8: {error}; correct the file"
        ) from error
    return _named(frame, file, symbol, timezone)


def read_parquet(
    path: str | Path, *, symbol: str | None = None, timezone: str | None = None
) -> Bars:
    """Read a Parquet file.

    Args:
        path: The file.
        symbol: The symbol if there is no such column; the file's stem by default.
        timezone: IANA name of the zone in which naive timestamps were written.

    Returns:
        The bars.

    Raises:
        FileNotFoundError: The file does not exist.
        InvalidBars: The file is not Parquet, or a rule is broken.
    """
    return _parquet_table(path, symbol, timezone).bars()


def _parquet_table(path: str | Path, symbol: str | None, timezone: str | None) -> Table:
    file = _existing(path)
    try:
        frame = pd.read_parquet(file)
    except (ValueError, OSError) as error:  # pyarrow's errors for bytes that are not Parquet
        raise InvalidBars(
            f"{file.name} is not a Parquet table: {error}; write the file again"
        ) from error
    return _named(frame, file, symbol, timezone)


def read_dataset(name: str) -> Bars:
    """Read daily bars that the `arch` package brings along: 1999 to 2018, 5031 bars each.

    The dates there have no zone. They are labels of trading days and not instants, so midnight UTC
    of the day is as good a label as any, and the same everywhere; it is set here on purpose.

    Args:
        name: "sp500" or "nasdaq"; also the symbol.

    Returns:
        The bars.

    Raises:
        InvalidBars: There is no data set of this name.
        ImportError: `arch` is not installed.
    """
    return _dataset_table(name).bars()


def _dataset_table(name: str) -> Table:
    if name not in _DATASETS:
        raise InvalidBars(f"there is no data set {name!r}; pass one of {', '.join(_DATASETS)}")
    frame: pd.DataFrame = importlib.import_module(_DATASETS[name]).load()
    return Table(frame, name, "UTC")


def _existing(path: str | Path) -> Path:
    """The path, if it is a file."""
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}; check the path")
    return file


def _csv_frame(file: Path) -> pd.DataFrame:
    """Read the cells, leaving symbols and timestamps as text.

    pandas would rename a repeated column, read the ticker "NA" as missing and "TRUE" as a truth
    value, take a surplus first column for an index, and round the last digit of a number.
    """
    header = pd.read_csv(file, header=None, nrows=1, dtype=str, encoding="utf-8-sig")
    labels = ["" if pd.isna(label) else str(label) for label in header.iloc[0]]
    positions = [str(i) for i in range(len(labels))]
    kinds = dict(zip(positions, map(meaning, labels), strict=True))
    text = [i for i in positions if kinds[i] in ("symbol", "timestamp", "known")]
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frame: pd.DataFrame = pd.read_csv(
            file,
            header=0,
            names=positions,
            index_col=False,
            dtype=dict.fromkeys(text, "str"),
            keep_default_na=False,
            na_values={i: _MISSING for i in positions if i not in text},
            float_precision="round_trip",
            encoding="utf-8-sig",
            low_memory=False,
        )
    frame.columns = pd.Index(labels)
    return frame


def _named(frame: pd.DataFrame, file: Path, symbol: str | None, timezone: str | None) -> Table:
    """Name the symbol after the file where neither the rows nor the caller do."""
    if symbol is None and not has_symbol(frame):
        symbol = file.stem
    return Table(frame, symbol, timezone)
