"""PredictionLog: takes predictions at once, and writes them on a thread of its own."""

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.prediction_log.batch import Batch, batch_of, files, slices
from ordinis_mlflow.prediction_log.buffer import Buffer
from ordinis_mlflow.prediction_log.disk import delete_days, delete_unfinished, write_file
from ordinis_mlflow.prediction_log.layout import DAY_NS, Names
from ordinis_mlflow.prediction_log.losses import Counted, Losses
from ordinis_mlflow.prediction_log.predictions import Predictions, Source
from ordinis_mlflow.prediction_log.settings import PredictionLogSettings

GATHER_SECONDS = 0.2
"""How often what waits is turned into columns: few objects live long, which the collector likes."""
BREATH_SECONDS = 0.001
"""Between two slices the interpreter is left to the event loop."""
RETRY_SECONDS = 5.0
TIDY_SECONDS = 3600.0
NEVER = float("-inf")
FILES_A_BUFFER = 4
"""A file is written when a quarter of the buffer is full; there is room while it is written."""


class PredictionLog:
    """Keeps predictions in Parquet files below a folder. Several processes may share it.

    A disk that fails loses nothing as long as there is room in the buffer: the rows are kept and
    tried again. Then new rows are lost, counted, and said in the program's log once a minute.

    Args:
        settings: with a folder.
        counted: is told of rows written, lost and waiting.

    Raises:
        InvalidConfig: there is no folder in the settings.
    """

    def __init__(self, settings: PredictionLogSettings, counted: Counted) -> None:
        if not settings.log_folder:
            raise InvalidConfig("log_folder must name the folder of the prediction log")
        self._settings, self._counted = settings, counted
        self._folder, self._names = Path(settings.log_folder), Names()
        self._buffer = Buffer(settings.log_buffer_bytes)
        self._losses = Losses(counted, settings.log_folder)
        self._batches: list[Batch] = []
        self._since: float | None = None
        self._retry = self._tidied = NEVER
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="prediction-log", daemon=True)

    def add(self, predictions: Predictions) -> None:
        """Take predictions; costs about a microsecond, never waits, never raises."""
        self._buffer.add(predictions)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self, seconds: float = 10.0) -> None:
        """Write what waits; what is not written in time, or cannot be, is counted as lost.

        Args:
            seconds: most that it takes.
        """
        self._ending.set()
        self._thread.join(seconds)
        reason = "stopped" if self._thread.is_alive() else self._reason
        self._losses.lost(self._buffer.rows + self._buffer.take_lost(), reason)
        self._losses.say(time.monotonic(), last=True)
        self._counted.log_pending(0)

    @property
    def _reason(self) -> str:
        """Why there is no room: the disk that does not write, or too much at once."""
        return "full" if self._retry == NEVER else "disk"

    def _work(self) -> None:
        while not self._ending.wait(GATHER_SECONDS):
            self._turn()
        self._gather()
        self._write()

    def _turn(self) -> None:
        now = time.monotonic()
        self._gather()
        if self._due(now):
            self._write()
        self._losses.lost(self._buffer.take_lost(), self._reason)
        self._losses.say(now)
        self._counted.log_pending(self._buffer.rows)
        if now - self._tidied >= TIDY_SECONDS:
            self._tidied = now
            self._tidy()

    def _gather(self) -> None:
        """Turn what waits into columns, a little at a time."""
        for part in slices(self._buffer.take()):
            groups: dict[tuple[Source, int], list[Predictions]] = defaultdict(list)
            for each in part:
                groups[each.source, each.answered_at // DAY_NS].append(each)
            for group in groups.values():
                self._keep(group)
            time.sleep(BREATH_SECONDS)

    def _keep(self, group: Sequence[Predictions]) -> None:
        """One request that cannot be kept does not take others along."""
        if self._since is None:
            self._since = time.monotonic()
        try:
            self._batches.append(batch_of(group))
        except Exception as error:  # no request may end the thread that writes all others
            if len(group) > 1:
                for each in group:
                    self._keep([each])
                return
            self._losses.trouble(f"request {group[0].request_id!a} cannot be kept: {error!a}")
            self._losses.lost(len(group[0]), "invalid")
            self._buffer.release(group[0].nbytes, len(group[0]))

    def _due(self, now: float) -> bool:
        if self._since is None or now < self._retry:
            return False
        return (
            now - self._since >= self._settings.log_flush_seconds
            or sum(each.rows.num_rows for each in self._batches) >= self._settings.log_rows_a_file
            or self._buffer.nbytes * FILES_A_BUFFER >= self._settings.log_buffer_bytes
        )

    def _write(self) -> None:
        """Write all there is; what the disk does not take is kept for another time."""
        batches, self._batches = self._batches, []
        self._since, self._retry = None, NEVER
        for file in files(batches, self._settings.log_rows_a_file):
            if self._retry != NEVER or not self._written(file):
                self._batches += file
                self._since, self._retry = NEVER, time.monotonic() + RETRY_SECONDS

    def _written(self, file: Sequence[Batch]) -> bool:
        try:
            write_file(self._folder / file[0].folder / self._names.next(), file)
        except Exception as error:  # whatever it is, the server goes on and it is tried again
            self._losses.trouble(f"writing failed, the rows are kept: {error!a}")
            return False
        rows = sum(each.rows.num_rows for each in file)
        self._buffer.release(sum(each.nbytes for each in file), rows)
        self._counted.logged(rows)
        return True

    def _tidy(self) -> None:
        """Delete what is past its days, and what killed processes left."""
        try:
            delete_unfinished(self._folder)
            if self._settings.log_keep_days:
                today = datetime.now(UTC).date()
                delete_days(self._folder, today - timedelta(days=self._settings.log_keep_days))
        except OSError as error:
            self._losses.trouble(f"old files cannot be deleted: {error!a}")
