"""Losses: rows that the log will never have are counted by reason, and said once a minute."""

import logging
from collections import Counter
from typing import Protocol

_logger = logging.getLogger(__name__)
QUIET_SECONDS = 60.0


class Counted(Protocol):
    """Who counts rows; telemetry's ServingMetrics is one. Is called from the writer's thread."""

    def logged(self, rows: int) -> None:
        """So many more are on the disk."""

    def log_lost(self, rows: int, reason: str) -> None:
        """So many more never will be: ``full``, ``disk``, ``invalid`` or ``stopped``."""

    def log_pending(self, rows: int) -> None:
        """So many wait now."""


class Losses:
    """Of one log.

    Args:
        counted: is told at once.
        folder: of the log, for the message.
    """

    def __init__(self, counted: Counted, folder: str) -> None:
        self._counted, self._folder = counted, folder
        self._unsaid: Counter[str] = Counter()
        self._trouble = ""
        self._said = float("-inf")

    def lost(self, rows: int, reason: str) -> None:
        """So many rows more are lost."""
        if rows:
            self._counted.log_lost(rows, reason)
            self._unsaid[reason] += rows

    def trouble(self, what: str) -> None:
        """Something went wrong, by which no row is lost yet."""
        self._trouble = what

    def say(self, now: float, last: bool = False) -> None:
        """Write what there is to the program's log, if it was quiet for a minute.

        Args:
            now: of ``time.monotonic()``.
            last: nothing will be said any more.
        """
        if not (self._unsaid or self._trouble) or (now - self._said < QUIET_SECONDS and not last):
            return
        reasons = ", ".join(f"{rows} ({reason})" for reason, rows in sorted(self._unsaid.items()))
        _logger.error(
            "prediction log %s: rows lost: %s; %s",
            *(self._folder, reasons or "none yet", self._trouble or "the disk has no trouble"),
        )
        self._unsaid.clear()
        self._trouble, self._said = "", now
