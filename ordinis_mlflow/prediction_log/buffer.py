"""Buffer: predictions that wait for the writer; bounded, and never in a request's way."""

import threading
from collections.abc import Sequence

from ordinis_mlflow.prediction_log.predictions import Predictions


class Buffer:
    """Any thread adds, one takes. What was taken counts until it is released.

    Args:
        most_bytes: that may wait.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._lock = threading.Lock()
        self._waiting: list[Predictions] = []
        self._bytes = self._rows = self._lost = 0

    def add(self, predictions: Predictions) -> None:
        """Let them wait; if there is no room they are lost, and counted."""
        size, rows = predictions.nbytes, len(predictions)
        with self._lock:
            if self._bytes + size > self._most:
                self._lost += rows
                return
            self._bytes += size
            self._rows += rows
            self._waiting.append(predictions)

    def take(self) -> Sequence[Predictions]:
        """All that wait, in the order in which they came."""
        with self._lock:
            taken, self._waiting = self._waiting, []
        return taken

    def release(self, nbytes: int, rows: int) -> None:
        """Make room again, for what is written or given up."""
        with self._lock:
            self._bytes -= nbytes
            self._rows -= rows

    def take_lost(self) -> int:
        """Rows for which there was no room since this was asked last."""
        with self._lock:
            lost, self._lost = self._lost, 0
        return lost

    @property
    def rows(self) -> int:
        """That wait, those taken and not released included."""
        return self._rows

    @property
    def nbytes(self) -> int:
        """That they are counted with."""
        return self._bytes
