"""Turn: one promotion of a model is judged at a time on a machine.

Gates take seconds and measure latencies: fifty at once would refuse good models. The lock is the
operating system's, so that a process that is killed leaves none behind. It only spares work: that
a decision still holds when it is written is checked in the database.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ordinis_mlflow.registry.refusals import conflict


@contextmanager
def turn(database: str, workspace: str, name: str) -> Iterator[None]:
    """Hold the model's lock.

    Raises:
        MlflowException: 409, it is being judged already.
    """
    key = hashlib.sha256("\0".join((database, workspace, name)).encode()).hexdigest()[:32]
    path = Path(tempfile.gettempdir()) / f"ordinis-judging-{os.getuid()}-{key}"
    try:
        # Everybody may write into the folder: a link planted there is not followed.
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:  # the lock only spares work: what somebody planted there stops nobody
        yield
        return
    try:
        _lock(file, name)
        yield
    finally:
        os.close(file)  # which gives the lock back


def _lock(file: int, name: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise conflict(
            f"another promotion of {name!r} is being judged, nothing was done: try again"
        ) from None
