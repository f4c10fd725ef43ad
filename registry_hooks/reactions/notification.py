"""Reaction: a file in a folder that somebody watches."""

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ordinis_mlflow.errors import InvalidConfig, ReactionFailed
from ordinis_mlflow.ledger import Decision
from ordinis_mlflow.reactions import told

READABLE = 0o644


@dataclass(frozen=True)
class NotificationReaction:
    """``<folder>/<number>-<action>.json``: one line of JSON, whole from the moment it is there.

    A file that is there is never written again with anything else, so that a decision has one file
    however often it is tried and by whom. One folder is for one ledger. Whoever takes files out of
    it may find one again in the minute after: its name is the same.

    Attributes:
        folder: is made if it does not exist; a relative one is below the server's own.
    """

    folder: str
    name: ClassVar[str] = "notification"

    def __post_init__(self) -> None:
        if not self.folder or "\0" in self.folder:
            raise InvalidConfig(f"folder must be the path of a folder, got {self.folder!r}")

    def react(self, decision: Decision, key: str) -> None:
        """Write the file, if it is not there.

        Raises:
            ReactionFailed: the folder cannot be written, or holds another ledger's file.
        """
        file = Path(self.folder) / f"{decision.number}-{decision.entry.action}.json"
        line = json.dumps(told(decision), allow_nan=False) + "\n"
        try:
            if not file.exists():
                _write(file, line)
            found = _hash_in(file)
        except OSError as error:
            raise ReactionFailed(f"{file} cannot be written: {error.strerror}") from error
        if found != decision.hash:
            raise ReactionFailed(
                f"{file} is there and tells of another decision: give each ledger a folder"
            )


def _hash_in(file: Path) -> object:
    """Of the decision that a file tells of; an earlier version of this package may have told it."""
    try:
        said = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return None
    return said.get("hash") if isinstance(said, dict) else None


def _write(file: Path, line: str) -> None:
    """Under another name first: nobody sees half a file, and a crash leaves none."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=".", delete=False) as half:
        try:
            half.write(line)
            half.flush()
            os.fchmod(half.fileno(), READABLE)
            os.fsync(half.fileno())
            os.replace(half.name, file)
        except BaseException:
            Path(half.name).unlink(missing_ok=True)
            raise
