"""Bell: one worker process rings it, and the followers of all of them hear it."""

import os
import time
from pathlib import Path


class Bell:
    """Something has happened that followers should look at at once.

    The processes of one server share a file, whose time of change is the ring: it needs no
    connection, and a process that has died or not yet begun is in nobody's way.

    Args:
        file: that all of them can write, in a folder that exists; None where there is one process.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file, self._own = file, 0

    def ring(self) -> None:
        """Let followers look.

        Raises:
            OSError: the file cannot be written.
        """
        self._own += 1
        if self._file is not None:
            self._file.touch()
            # Not the kernel's own idea of now, which may stand still for some milliseconds.
            now = time.time_ns()
            os.utime(self._file, ns=(now, now))

    def rung(self) -> tuple[int, int]:
        """Another value after each ring."""
        try:
            changed = os.stat(self._file).st_mtime_ns if self._file else 0
        except FileNotFoundError:  # nobody has rung yet
            changed = 0
        return self._own, changed
