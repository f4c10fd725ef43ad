"""Pauses: when something is done again, and how much later after it failed."""

import time


class Pauses:
    """Due at once, then after ``usual`` seconds; after failures in pauses that double.

    Args:
        usual: seconds after a success, and after a first failure.
        longest: seconds that no pause exceeds.
    """

    def __init__(self, usual: float, longest: float) -> None:
        self._usual, self._longest = usual, max(usual, longest)
        self.forget()

    @property
    def due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() >= self._next

    def forget(self) -> None:
        """Be due at once, as if nothing had happened."""
        self._pause, self._next = self._usual, 0.0

    def succeeded(self) -> None:
        """It was done."""
        self._pause, self._next = self._usual, time.monotonic() + self._usual

    def failed(self) -> float:
        """It could not be done.

        Returns:
            Seconds until it is due again.
        """
        pause = self._pause
        self._next = time.monotonic() + pause
        self._pause = min(2.0 * pause, self._longest)
        return pause
