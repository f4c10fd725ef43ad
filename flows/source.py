"""BarsOptions: where the bars of an entry point come from."""

import os
from dataclasses import dataclass
from pathlib import Path

from flows.command_line import NONE, given
from ordinis_mlflow.bars import Table, load_table
from ordinis_mlflow.errors import InvalidConfig

SQL = "sql"
URL_VARIABLE = "ORDINIS_BARS_URL"


@dataclass(frozen=True)
class BarsOptions:
    """A source of bars.

    Attributes:
        bars: a data set (sp500, nasdaq), a .csv or .parquet file, or ``sql`` for a query.
        query: SQL that gives bars; its URL is read from ORDINIS_BARS_URL, as parameters are logged.
        symbol: names the bars of a source without a symbol column.
        timezone: of timestamps that state none.
    """

    bars: str = "sp500"
    query: str = NONE
    symbol: str = NONE
    timezone: str = NONE

    def __post_init__(self) -> None:
        if "://" in self.bars:
            raise InvalidConfig(
                f"bars must not be a URL, for parameters are logged: pass bars={SQL} and a query, "
                f"and put the URL into the environment variable {URL_VARIABLE}"
            )
        if (self.bars == SQL) != (self.query != NONE):
            raise InvalidConfig(f"bars={SQL} needs a query, and a query needs bars={SQL}")

    def load_table(self) -> Table:
        """The rows, not yet checked."""
        symbol, timezone = given(self.symbol), given(self.timezone)
        if self.bars != SQL:
            return load_table(self.bars, symbol=symbol, timezone=timezone)
        if URL_VARIABLE not in os.environ:
            raise InvalidConfig(f"bars={SQL} reads its URL from {URL_VARIABLE}, which is not set")
        url = os.environ[URL_VARIABLE]
        return load_table(url, symbol=symbol, timezone=timezone, query=self.query)

    def stem(self) -> str:
        """A short name of the source: of the data set, the file without its suffix, or sql."""
        return Path(self.bars).stem
