"""DriftScores: what a drift monitor tells the servers, as one small file."""

import json
import math
import os
import stat
import tempfile
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from ordinis_mlflow.errors import InvalidTelemetry

FORMAT = 1
MOST_BYTES = 256 * 1024
MOST_COLUMNS = 1024
MOST_CHARACTERS = 128
"""Of a name: it becomes a label of a series that Prometheus keeps."""


@dataclass(frozen=True)
class ColumnDrift:
    """How far one column is from its reference.

    Attributes:
        column: a feature, or an output of the model.
        distance: in the measure of the column's test, ≥ 0.
        limit: above it the column has drifted, > 0.

    Raises:
        InvalidTelemetry: a name or a number is outside these rules.
    """

    column: str
    distance: float
    limit: float

    def __post_init__(self) -> None:
        _check_name("column", self.column)
        _check_number(f"distance of {self.column}", self.distance, self.distance >= 0)
        _check_number(f"limit of {self.column}", self.limit, self.limit > 0)


@dataclass(frozen=True)
class DriftScores:
    """One look of a drift monitor at one model version.

    Attributes:
        model: registered name.
        version: of that name.
        checked_at: when it looked, with a time zone; kept to the microsecond.
        columns: at most 1024, each once.
        alarm: whether the monitor calls the whole of it drift.

    Raises:
        InvalidTelemetry: a name, a number, or how many there are is outside these rules.
    """

    model: str
    version: str
    checked_at: pd.Timestamp
    columns: tuple[ColumnDrift, ...]
    alarm: bool

    def __post_init__(self) -> None:
        _check_name("model", self.model)
        _check_name("version", self.version)
        if pd.isna(self.checked_at) or self.checked_at.tzinfo is None:
            raise InvalidTelemetry(f"checked_at needs a time zone, got {self.checked_at}")
        found = {each.column for each in self.columns}
        if len(found) < len(self.columns) or len(found) > MOST_COLUMNS:
            raise InvalidTelemetry(
                f"drift scores have each column once and at most {MOST_COLUMNS}, got "
                f"{len(self.columns)} of {len(found)} names"
            )

    def write(self, path: str | os.PathLike[str]) -> None:
        """Replace the file at this path, at once: no reader sees half of it."""
        target = Path(path)
        checked_at = self.checked_at.isoformat(timespec="microseconds")
        text = json.dumps({"format": FORMAT, **asdict(self), "checked_at": checked_at})
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), 0o644)  # the servers may be another user's
                file.write(text)
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "DriftScores":
        """What was written, checked as if a stranger had.

        Raises:
            FileNotFoundError: there is none.
            InvalidTelemetry: it is no file, too large, or not what :meth:`write` writes.
        """
        try:
            return _parse(_content(path))
        except FileNotFoundError:
            raise
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise InvalidTelemetry(f"{os.fspath(path)} holds no drift scores: {error}") from error


def _content(path: str | os.PathLike[str]) -> bytes:
    # A pipe at this place must not make a scrape wait for who will never write.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise InvalidTelemetry("it is not a regular file")
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise InvalidTelemetry(f"it has more than {MOST_BYTES} bytes")
    return content


def _parse(content: bytes) -> DriftScores:
    # parse_int: an integer of any length is read as a float, which is bounded or infinite.
    read = json.loads(content, object_pairs_hook=_once, parse_constant=_refuse, parse_int=float)
    if not isinstance(read, dict) or read.pop("format") != FORMAT:
        raise InvalidTelemetry(f"it is not of format {FORMAT}")
    if type(read["alarm"]) is not bool or type(read["checked_at"]) is not str:
        raise InvalidTelemetry("alarm must be true or false, checked_at a time")
    read["columns"] = tuple(ColumnDrift(**each) for each in read["columns"])
    read["checked_at"] = pd.Timestamp(datetime.fromisoformat(read["checked_at"]))
    return DriftScores(**read)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise InvalidTelemetry("a key stands twice")
    return found


def _refuse(constant: str) -> float:
    raise InvalidTelemetry(f"{constant} is no number")


def _check_name(what: str, name: Any) -> None:
    if not (isinstance(name, str) and 0 < len(name) <= MOST_CHARACTERS and name.isprintable()):
        raise InvalidTelemetry(
            f"a {what} is 1 to {MOST_CHARACTERS} printable characters, got {str(name)[:40]!r}"
        )


def _check_number(what: str, number: Any, in_range: bool) -> None:
    if isinstance(number, bool) or not math.isfinite(number) or not in_range:
        raise InvalidTelemetry(f"the {what} is out of range: {number!r}")
