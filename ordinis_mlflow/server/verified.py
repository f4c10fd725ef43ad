"""Whether the chain is whole, without walking it for every visitor.

A walk of a hundred thousand decisions takes seconds. So its result may be as old as ten times what
it took: visitors keep a server busy for a tenth of the time at most, and in a small ledger a change
shows at once.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from ordinis_mlflow.ledger import Broken, Ledger

PATIENCE = 10
"""How many times as long as it took a result is used."""
MOST_BROKEN = 20
"""Places that are named; one is enough to distrust the rest."""


@dataclass(frozen=True)
class Verified:
    """What a walk found.

    Attributes:
        broken: the first places that do not fit; none if the chain is whole.
        anchor: number and hash of the newest decision of a whole chain; empty for a broken one.
        at: when the walk began, UTC nanoseconds.
    """

    broken: tuple[Broken, ...]
    anchor: str
    at: int


class Verifier:
    """Walks the chain when the last walk is too old; one walk at a time.

    Args:
        ledger: gives the ledger.
    """

    def __init__(self, ledger: Callable[[], Ledger]) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._last: Verified | None = None
        self._until = 0.0

    def verified(self) -> Verified:
        """The newest result.

        Raises:
            LedgerError: the database cannot be read.
        """
        with self._lock:
            if self._last is None or time.monotonic() >= self._until:
                begun, at = time.monotonic(), time.time_ns()
                self._last = self._walk(at)
                self._until = time.monotonic() + PATIENCE * (time.monotonic() - begun)
            return self._last

    def _walk(self, at: int) -> Verified:
        ledger = self._ledger()
        broken = tuple(ledger.verify()[:MOST_BROKEN])
        return Verified(broken, "" if broken else ledger.anchor(), at)
