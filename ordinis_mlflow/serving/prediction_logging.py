"""PredictionLogging: hands what was answered to the prediction log."""

import asyncio
import time
import zlib

from ordinis_mlflow.prediction_log import (
    Counted,
    PredictionLog,
    PredictionLogSettings,
    Predictions,
    Source,
)
from ordinis_mlflow.serving.arms import Part, Scored, Served

HASHES = 2**32


class PredictionLogging:
    """A watcher of answers, and the component that starts and stops the log.

    Started before, and stopped after, everything that scores. Called on the event loop or on any
    other thread.

    Args:
        settings: with a folder.
        counted: is told of rows written, lost and waiting.
    """

    def __init__(self, settings: PredictionLogSettings, counted: Counted) -> None:
        self._log = PredictionLog(settings, counted)
        self._share = int(settings.log_inputs * HASHES)
        self._sources: dict[tuple[str, str, str], Source] = {}

    def __call__(self, scored: Scored) -> None:
        """Take an answer; a few microseconds."""
        now, keeps = time.time_ns(), self._keeps_inputs(scored.id)
        for part in scored.parts:
            self._log.add(self._predictions(scored.id, part, now, keeps))

    def _keeps_inputs(self, request_id: str) -> bool:
        """The same in every process and for every arm."""
        return self._share == HASHES or zlib.crc32(request_id.encode()) < self._share

    def _predictions(self, request_id: str, part: Part, now: int, keeps: bool) -> Predictions:
        asked = part.asked
        return Predictions(
            self._source(part.served),
            request_id,
            now,
            part.signal,
            asked.windows if keeps else None,
            part.rows,
            asked.symbols,
            asked.timestamps,
        )

    def _source(self, served: Served) -> Source:
        """Made once a version: its digest takes longer than an answer."""
        key = (served.arm, served.name, served.version)
        source = self._sources.get(key)
        if source is None:
            source = self._sources[key] = Source.of(served.model.contract, *key)
        return source

    async def start(self) -> None:
        """Begin to write."""
        self._log.start()

    async def stop(self) -> None:
        """Write what waits, within the log's bound."""
        await asyncio.to_thread(self._log.stop)
