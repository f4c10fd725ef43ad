"""Layout: the folders and names of a prediction log.

``model=<name>/date=<UTC day>/<time>-<host>-<process>-<writer>-<number>.parquet``, names quoted as
in a URL. No two writers make the same name. A file that is being written begins with a dot.
"""

import hashlib
import os
import re
import secrets
import socket
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from urllib.parse import quote

MODEL, DATE, FILE = "model=", "date=", ".parquet"
NAME = re.compile(r"\d{8}T\d{6}-[\w.%~-]*-\d+-[0-9a-f]{8}-\d+\.parquet", re.ASCII)
UNFINISHED = re.compile(rf"\.{NAME.pattern}\.tmp", re.ASCII)
MOST_CHARACTERS = 160
"""Of a quoted name; file systems allow 255 bytes. A longer one ends with its digest."""
EPOCH = date(1970, 1, 1)
DAY_NS = 86_400 * 10**9


def quoted(name: str) -> str:
    """A name that any file system takes, whatever is in it."""
    safe = quote(name, safe="", errors="surrogatepass")
    if len(safe) <= MOST_CHARACTERS:
        return safe
    return f"{safe[:120]}~{hashlib.sha256(safe.encode()).hexdigest()[:32]}"


def day_of(nanoseconds: int) -> date:
    """The UTC day of a moment."""
    return EPOCH + timedelta(days=nanoseconds // DAY_NS)


def folder_of(model: str, day: date) -> Path:
    """Where a day of a model is, below the log's folder."""
    return Path(f"{MODEL}{quoted(model)}", f"{DATE}{day.isoformat()}")


def date_in(name: str) -> date | None:
    """The day of a folder's name; None if it is not one of ours."""
    try:
        day = date.fromisoformat(name.removeprefix(DATE))
    except ValueError:
        return None
    return day if name == f"{DATE}{day.isoformat()}" else None


@dataclass(frozen=True)
class Names:
    """File names that no other writer makes, on whatever machine."""

    host: str = field(default_factory=lambda: quoted(socket.gethostname())[:64])
    writer: str = field(default_factory=lambda: secrets.token_hex(4))
    numbers: count = field(default_factory=count)

    def next(self) -> str:
        """The next one; names of one writer sort as they were made."""
        now = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
        return f"{now}-{self.host}-{os.getpid()}-{self.writer}-{next(self.numbers):06d}{FILE}"
