"""Keys: clients show one of several, which are changed without a restart.

A key is only ever compared by its SHA-256, with all of them and in constant time; it is neither
kept, logged nor sent back.
"""

import hashlib
import hmac
import logging
import os
import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TypeAlias

from ordinis_mlflow.errors import InvalidConfig, RequestRefused
from ordinis_mlflow.serving.access import Access
from ordinis_mlflow.serving.http import Request

_logger = logging.getLogger(__name__)
VARIABLE = "ORDINIS_API_KEYS"
SHORTEST = 16
"""Characters of a key."""
LOOK_SECONDS = 1.0
"""How often the file is looked at."""
CHALLENGE = ((b"www-authenticate", b'Bearer realm="ordinis"'),)
_COMMENT = re.compile(r"(?:^|\s)#")
_SPACE = re.compile(r"\s")
_DIGEST = re.compile(r"sha256:([0-9a-fA-F]{64})")
Digests: TypeAlias = tuple[bytes, ...]


class KeyGuard:
    """Lets those pass who show a key, as ``Authorization: Bearer <key>`` or ``X-API-Key: <key>``.

    Args:
        digests: of the keys; is asked for each request.
        also_open: paths that need no key besides those that never do.
    """

    def __init__(
        self, digests: Callable[[float], Digests], also_open: Collection[str] = ()
    ) -> None:
        self._digests, self._open = digests, frozenset(also_open)

    def check(self, request: Request) -> None:
        """Compare with every key.

        Raises:
            RequestRefused: 401; no key, or none that is valid.
        """
        if request.path in self._open:
            return
        shown = hashlib.sha256(_shown(request)).digest()
        known = False
        for digest in self._digests(request.received):
            known |= hmac.compare_digest(shown, digest)
        if not known:
            raise RequestRefused(
                401,
                "unauthenticated",
                "a valid API key is needed, as Authorization: Bearer <key> or X-API-Key: <key>",
                CHALLENGE,
            )


class NoGuard:
    """Everybody may ask."""

    def check(self, request: Request) -> None:
        """Let everybody pass."""


def guard(access: Access) -> KeyGuard | NoGuard:
    """Who may ask, by settings and environment.

    Raises:
        InvalidConfig: see ``Keyring``.
    """
    environment = os.environ.get(VARIABLE, "")
    if access.keys_file is None and not environment.strip():
        return NoGuard()
    ring = Keyring(access.keys_file, environment)
    return KeyGuard(ring.digests, ("/metrics",) if access.open_metrics else ())


class Keyring:
    """Digests of the keys of a file and of the environment; the file is read again if it changes.

    A file that cannot be read any more, or breaks a rule, leaves the keys as they were and is
    logged: a slip of the editor must not lock everybody out.

    Args:
        file: see ``Access``; None for none.
        environment: what the variable ORDINIS_API_KEYS holds.

    Raises:
        InvalidConfig: there is no key at all, or a line breaks a rule; the key is not repeated.
    """

    def __init__(self, file: Path | None, environment: str = "") -> None:
        self._file = file
        self._fixed = _digests(environment.split(), VARIABLE)
        self._state = self._look()
        self._read = _file_digests(file) if file else ()
        self._next_look = 0.0
        if not (self._fixed or self._read):
            raise InvalidConfig(f"there is no API key in {file}, nor in {VARIABLE}: add name:key")

    def digests(self, now: float) -> Digests:
        """All of them.

        Args:
            now: of ``time.perf_counter()``.
        """
        if self._file is not None and now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            self._refresh(self._file)
        return self._fixed + self._read

    def _refresh(self, file: Path) -> None:
        state = self._look()
        if state == self._state:
            return
        self._state = state
        try:
            read = _file_digests(file)
            if not (read or self._fixed):
                raise InvalidConfig(f"{file} holds no key any more")
        except InvalidConfig as error:
            _logger.error("the API keys stay as they were: %s", error)
        else:
            self._read = read
            _logger.warning("%d API keys are valid now, as %s has changed", len(read), file)

    def _look(self) -> tuple[int, ...]:
        """What differs when the file does."""
        try:
            found = os.stat(self._file) if self._file else None
        except OSError:
            found = None
        return (found.st_mtime_ns, found.st_size, found.st_ino) if found else ()


def _file_digests(file: Path) -> Digests:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"API keys cannot be read from {file}: {error}") from error
    lines = (_COMMENT.split(line)[0].strip() for line in text.splitlines())
    return _digests(lines, str(file))


def _digests(entries: Iterable[str], source: str) -> Digests:
    return tuple(_digest(n, entry, source) for n, entry in enumerate(entries, 1) if entry)


def _digest(number: int, entry: str, source: str) -> bytes:
    """Of one ``name:key``; a message must not show the key."""
    name, colon, key = entry.partition(":")
    if not (colon and name.strip()):
        raise InvalidConfig(f"entry {number} of {source} is not name:key")
    key = key.strip()
    if _SPACE.search(key):
        raise InvalidConfig(f"the key of {name.strip()!r} in {source} has white space in it")
    if digest := _DIGEST.fullmatch(key):
        return bytes.fromhex(digest[1])
    if len(key) < SHORTEST or key.startswith("sha256:"):
        raise InvalidConfig(
            f"the key of {name.strip()!r} in {source} is shorter than {SHORTEST} characters, or a "
            "digest that is none: make one with python -c 'import secrets; "
            "print(secrets.token_urlsafe(32))'"
        )
    return hashlib.sha256(key.encode()).digest()


def _shown(request: Request) -> bytes:
    """The key that a client shows; nothing if it shows none."""
    given = request.headers.get(b"x-api-key")
    if given is not None:
        return given
    scheme, _, key = request.headers.get(b"authorization", b"").partition(b" ")
    return key.strip() if scheme.lower() == b"bearer" else b""
