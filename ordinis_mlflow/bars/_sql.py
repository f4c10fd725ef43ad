"""Bars out of a database, without its password ever leaving the URL."""

import re
import urllib.parse

import pandas as pd

from ordinis_mlflow.bars._bars import Bars
from ordinis_mlflow.errors import InvalidBars


def read_sql(
    query: str, url: str, *, symbol: str | None = None, timezone: str | None = None
) -> Bars:
    """Read the rows that a query returns.

    Args:
        query: A SELECT; what it returns is read as `Bars.from_frame` reads a table.
        url: SQLAlchemy URL, such as postgresql://user:password@host/database.
        symbol: The symbol, if the query returns none.
        timezone: IANA name of the zone in which naive timestamps were written. Databases without
            a type for zones (SQLite) return naive ones.

    Returns:
        The bars.

    Raises:
        InvalidBars: The database or the query failed, or a rule is broken.
    """
    frame, failure = _fetch(query, url)
    if frame is None:
        raise InvalidBars(f"reading bars from {_scheme(url)} failed: {failure}")
    return Bars.from_frame(frame, symbol=symbol, timezone=timezone)


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
    user_info = rest.rpartition("@")[0]
    options = urllib.parse.urlsplit(url.replace("[", "").replace("]", "")).query
    texts = [user_info.partition(":")[2], *(p.partition("=")[2] for p in options.split("&"))]
    texts += [urllib.parse.unquote_plus(text) for text in texts]
    whole = {text for text in texts if text and not re.search(r"\w", text)}
    return whole | {piece for text in texts for piece in re.split(r"\W+", text) if piece}


def _scheme(url: str) -> str:
    """The database's kind, the one part of a URL that is safe to print."""
    match = re.match(r"([A-Za-z0-9+_.]+)://", url)
    return match[1] if match else "a URL without ://"
