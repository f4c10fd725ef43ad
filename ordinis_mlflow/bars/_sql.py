"""Bars out of a database, without its password ever leaving the URL."""

import re
import urllib.parse

import pandas as pd

from ordinis_mlflow.bars._bars import Bars
from ordinis_mlflow.bars._table import Table
from ordinis_mlflow.errors import InvalidBars


def sql_table(
    query: str, url: str, *, symbol: str | None = None, timezone: str | None = None
) -> Table:
    """The rows that a query returns.

    Args:
        query: A SELECT; what it returns is read as `Bars.from_frame` reads a table.
        url: SQLAlchemy URL, such as postgresql://user:password@host/database.
        symbol: The symbol, if the query returns none.
        timezone: IANA name of the zone in which naive timestamps were written. Databases without
            a type for zones (SQLite) return naive ones.

    Raises:
        InvalidBars: The database or the query failed.
    """
    frame, failure = _fetch(query, url)
    if frame is None:
        raise InvalidBars(f"reading bars from {_scheme(url)} failed: {failure}")
    return Table(frame, symbol, timezone)


def read_sql(
    query: str, url: str, *, symbol: str | None = None, timezone: str | None = None
) -> Bars:
    """The rows of :func:`sql_table` as bars; InvalidBars also where one breaks a rule."""
    return sql_table(query, url, symbol=symbol, timezone=timezone).bars()


def _fetch(query: str, url: str) -> tuple[pd.DataFrame | None, str]:
    """The rows, or None and what went wrong.

    Drivers quote the URL or parts of it, and a traceback prints the errors that an error came
    from. So the driver's error ends here: only checked words of it go on, and `read_sql` raises
    outside of the handler. A missing SQLAlchemy or driver is an ImportError, with no URL.
    """
    try:
        return pd.read_sql_query(query, url), ""
    except ImportError:
        raise
    except Exception as error:
        # The driver's own error, inside SQLAlchemy's, which pandas may wrap once more.
        wrapped = (getattr(e, "orig", None) for e in (error, error.__cause__))
        kind, text = type(error).__name__, str(next(filter(None, wrapped), error))
    if any(secret in text for secret in _secrets(url)):
        text = "details withheld, as they quote the URL; check host, user, password and query"
    return None, f"{kind}: {text}"


def _secrets(url: str) -> set[str]:
    """The words of everything in the URL that may be a password, well-formed or not.

    Words, because a driver may quote, escape or cut what it repeats. A password without a letter
    or digit has none and is compared whole.
    """
    rest = url.partition("://")[2]
    user_info, _, host = rest.rpartition("@")
    options = urllib.parse.urlsplit(url.replace("[", "").replace("]", "")).query
    texts = [user_info.partition(":")[2], *(p.partition("=")[2] for p in options.split("&"))]
    if host.count("[") != host.count("]"):  # no address: a password with @ and [ was cut in two
        texts.append(host)
    texts += [urllib.parse.unquote_plus(text) for text in texts]
    whole = {text for text in texts if text and not re.search(r"\w", text)}
    return whole | {piece for text in texts for piece in re.split(r"\W+", text) if piece}


def _scheme(url: str) -> str:
    """The database's kind, the one part of a URL that is safe to print."""
    match = re.match(r"([A-Za-z0-9+_.]+)://", url)
    return match[1] if match else "a URL without ://"
