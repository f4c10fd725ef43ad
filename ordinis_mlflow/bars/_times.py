"""Timestamps of any writing → UTC nanoseconds, or a refusal; a zone is never guessed."""

import datetime as dt
import re
import zoneinfo
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ordinis_mlflow.bars._series import utc_index
from ordinis_mlflow.errors import InvalidBars, InvalidConfig

# ISO 8601 only: "03/04/2020" is March in one office and April in the next.
_ISO = re.compile(
    r"(?P<date>\d{8}|\d{4}-\d\d-\d\d)"
    r"(?:(?P<clock>[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)"
    r" ?(?P<zone>Z|UTC|[+-]\d\d(?::?\d\d)?)?)?"
)
# int64 nanoseconds reach from 1677 to 2262; two days of margin leave room for any zone's offset.
_EARLIEST = pd.Timestamp.min + pd.Timedelta(days=2)
_LATEST = pd.Timestamp.max - pd.Timedelta(days=2)


def to_utc(
    column: "pd.Series[Any]", symbols: Sequence[str], timezone: str | None
) -> pd.DatetimeIndex:
    """Read a column of timestamps as UTC.

    Args:
        column: (n,) datetimes (naive or with a zone), or objects: ISO 8601 text, datetimes, dates.
        symbols: (n,) each row's symbol, for the messages.
        timezone: IANA name of the zone in which naive timestamps were written.

    Returns:
        (n,) UTC, nanoseconds, in the column's order.

    Raises:
        InvalidBars: A timestamp is missing, unreadable, naive without `timezone`, outside the
            range of nanoseconds or not a time of that zone; or the zones are mixed.
    """
    _refuse_missing(column, symbols)
    zone, index = _read(column, symbols)
    _refuse_outside(index, column, symbols)
    if zone is None:
        index = _from_local(index, column, symbols, timezone)
    elif timezone is not None:
        raise InvalidBars(
            f"{_where(column, symbols, 0)}timestamp has the zone {zone} already; "
            f"leave out timezone={timezone!r}"
        )
    return utc_index(index.to_numpy().astype("datetime64[ns]").astype(np.int64))


def _read(column: "pd.Series[Any]", symbols: Sequence[str]) -> tuple[str | None, pd.DatetimeIndex]:
    """The zone that all cells share (None: naive), and naive times, in UTC if there is a zone."""
    if column.dtype.kind != "M":
        return _read_cells(column, symbols)
    index = pd.DatetimeIndex(column)
    if index.tz is None:
        return None, index
    return str(index.tz), index.tz_convert("UTC").tz_localize(None)


def _refuse_missing(column: "pd.Series[Any]", symbols: Sequence[str]) -> None:
    """Refuse NaT, NaN, None and blank text."""
    missing = column.isna().to_numpy(dtype=bool)
    if column.dtype.kind not in "M":
        missing = missing | np.array(
            [isinstance(c, str) and not c.strip() for c in column], dtype=bool
        )
    if missing.any():
        row = int(np.argmax(missing))
        raise InvalidBars(
            f"symbol {symbols[row]!r}, row {row}: timestamp is missing (NaT); "
            "write it or leave the row out"
        )


def _read_cells(
    column: "pd.Series[Any]", symbols: Sequence[str]
) -> tuple[str | None, pd.DatetimeIndex]:
    """`_read` for objects."""
    texts: list[str] = []
    zones: dict[str | None, int] = {}
    seen: dict[object, tuple[str | None, str] | None] = {}  # each symbol has the same times
    for row, cell in enumerate(column):
        if isinstance(cell, str):
            split = seen[cell] if cell in seen else seen.setdefault(cell, _split(cell))
        else:
            split = _split(cell)
        if split is None:
            raise InvalidBars(
                f"{_where(column, symbols, row)}timestamp is not a date in ISO 8601; "
                "write it as 2020-01-31T16:00:00Z"
            )
        zones.setdefault(split[0], row)
        texts.append(split[1])
    if len(zones) > 1:
        row = list(zones.values())[1]
        listed = ", ".join(zone or "none" for zone in zones)
        raise InvalidBars(
            f"{_where(column, symbols, row)}time zones are mixed ({listed}); "
            "write every timestamp in UTC"
        )
    index = pd.to_datetime(pd.Index(texts), format="ISO8601", utc=True, errors="coerce")
    _refuse_nat(index, column, symbols, "timestamp is not a date that exists; correct it")
    return next(iter(zones)), pd.DatetimeIndex(index).tz_localize(None)


def _split(cell: object) -> tuple[str | None, str] | None:
    """Zone and text of one cell; None if it is no timestamp.

    The text is in UTC where there is a zone; where there is none, it is the local time.
    """
    if isinstance(cell, str):
        match = _ISO.fullmatch(cell.strip())
        if match is None:
            return None
        local, zone = match["date"] + (match["clock"] or ""), match["zone"]
        return (None, local) if zone is None else (_zone_label(zone), local + _offset(zone))
    if isinstance(cell, np.datetime64):
        return None, str(pd.Timestamp(cell).isoformat())
    if isinstance(cell, dt.datetime) and cell.tzinfo is not None:
        return str(cell.tzinfo), cell.astimezone(dt.UTC).isoformat()
    return (None, cell.isoformat()) if isinstance(cell, dt.date) else None


def _offset(zone: str) -> str:
    """One spelling, +01:00, for each offset."""
    digits = zone[1:].replace(":", "")
    if zone in ("Z", "UTC") or int(digits) == 0:
        return "+00:00"
    return f"{zone[0]}{digits[:2]}:{digits[2:] or '00'}"


def _zone_label(zone: str) -> str:
    """The name that Python's own fixed offsets have: UTC, UTC+01:00."""
    offset = _offset(zone)
    return "UTC" if offset == "+00:00" else f"UTC{offset}"


def instant(bound: str | dt.datetime, name: str) -> pd.Timestamp:
    """A moment as a setting gives it, in UTC; without a zone it is read in UTC.

    Raises:
        InvalidConfig: it is no time.
    """
    try:
        moment = pd.Timestamp(require_iso(bound) if isinstance(bound, str) else bound)
    except ValueError as error:
        raise InvalidConfig(f"{name} {bound!r} is not a time; write 2020-01-31") from error
    if pd.isna(moment):
        raise InvalidConfig(f"{name} is missing (NaT); pass a time or None")
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")


def require_iso(text: str) -> str:
    """Give back a timestamp's text; ValueError if it is not in ISO 8601."""
    if _ISO.fullmatch(text.strip()) is None:
        raise ValueError(f"{text!r} is not a date in ISO 8601")
    return text.strip()


def _from_local(
    index: pd.DatetimeIndex,
    column: "pd.Series[Any]",
    symbols: Sequence[str],
    timezone: str | None,
) -> pd.DatetimeIndex:
    """Local times of a named zone → naive UTC; refuses hours that a clock change skips or doubles.

    Two readings are compared, as one of them resolves what the other is asked to report.
    """
    if timezone is None:
        raise InvalidBars(
            f"{_where(column, symbols, 0)}timestamp has no time zone; "
            'pass timezone="UTC" or the zone in which it was written'
        )
    zone = _zone(timezone)
    winter = np.zeros(len(index), dtype=bool)
    local = index.tz_localize(zone, ambiguous=winter, nonexistent="NaT")
    advice = "write it in UTC"
    rule = f"timestamp does not exist in {timezone} (clocks go forward); {advice}"
    _refuse_nat(local, column, symbols, rule)
    rule = f"timestamp is ambiguous in {timezone} (clocks go back); {advice}"
    _refuse_nat(index.tz_localize(zone, ambiguous="NaT"), column, symbols, rule)
    return local.tz_convert("UTC").tz_localize(None)


def _zone(name: str) -> zoneinfo.ZoneInfo:
    """Find a zone by its IANA name."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # unknown, malformed, a folder of zones
        raise InvalidBars(
            f"timezone={name!r} is not a time zone; pass an IANA name such as America/New_York"
        ) from error


def _refuse_outside(
    index: pd.DatetimeIndex, column: "pd.Series[Any]", symbols: Sequence[str]
) -> None:
    """Refuse the first time that int64 nanoseconds cannot hold."""
    if not _EARLIEST <= index.min() <= index.max() <= _LATEST:
        outside = np.asarray((index < _EARLIEST) | (index > _LATEST))
        raise InvalidBars(
            f"{_where(column, symbols, int(np.argmax(outside)))}timestamp is outside "
            f"{_EARLIEST.year + 1}-{_LATEST.year - 1}; correct it"
        )


def _refuse_nat(
    index: pd.DatetimeIndex, column: "pd.Series[Any]", symbols: Sequence[str], rule: str
) -> None:
    """Refuse with this rule the first time that could not be read."""
    if index.hasnans:
        row = int(np.argmax(np.asarray(index.isna())))
        raise InvalidBars(_where(column, symbols, row) + rule)


def _where(column: "pd.Series[Any]", symbols: Sequence[str], row: int) -> str:
    """Name a row the way its author wrote it."""
    try:
        cell = str(column.iloc[row])
    except (OverflowError, ValueError, NotImplementedError):  # more than pandas can write
        cell = f"row {row}"
    return f"symbol {symbols[row]!r}, {cell}: "
