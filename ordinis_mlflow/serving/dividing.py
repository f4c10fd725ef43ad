"""Division: a request's rows to the arms that they belong to, and back into one answer."""

import asyncio
import logging
import time

import numpy as np

from ordinis_mlflow.errors import DeadlinePassed, InvalidWindows, QueueFull
from ordinis_mlflow.flavor.model import check_finite
from ordinis_mlflow.serving.arms import Arms, Asked, Part, Rows
from ordinis_mlflow.serving.asking import ask
from ordinis_mlflow.serving.http import Request
from ordinis_mlflow.serving.split import Split
from ordinis_mlflow.telemetry import ServingMetrics

_logger = logging.getLogger(__name__)
CHALLENGERS_SHARE = 0.5
"""Of the time that a request has; in the rest the champion can answer for it."""
KINDS: tuple[tuple[type[Exception], str], ...] = (
    (QueueFull, "queue_full"),
    (DeadlinePassed, "deadline"),
    (InvalidWindows, "not_finite"),
    (Exception, "failed"),
)
"""Why the champion answered, as a label of metrics. Besides: the challenger is ``absent``."""


class Division:
    """Asks the challenger about its share, and the champion about the rest.

    Whatever the challenger does, the request is answered: what it fails to answer, the champion
    does, and a metric says so.

    Args:
        split: which rows are the challenger's.
        metrics: are told what the champion had to take over.
    """

    def __init__(self, split: Split, metrics: ServingMetrics) -> None:
        self._split, self._metrics = split, metrics
        self._said: set[tuple[str, str]] = set()

    async def parts(self, request: Request, asked: Asked, arms: Arms) -> tuple[Part, ...]:
        """Who answered which rows; the champion's numbers may not be finite.

        Raises:
            QueueFull: too many windows wait for the champion.
            DeadlinePassed: the request's time was over.
        """
        drawn = self._split.rows(request.id, asked.symbols, len(asked.windows))
        theirs = int(np.count_nonzero(drawn))
        if not theirs:
            return (await ask(arms.champion, None, asked, request.deadline),)
        if arms.challenger is None:
            self._metrics.fell_back(theirs, "absent")
            return (await ask(arms.champion, None, asked, request.deadline),)
        if theirs == len(drawn):
            return (await self._challenged(request, asked, arms, None),)
        ours = np.flatnonzero(~drawn)
        lookback = arms.champion.model.contract.lookback
        return tuple(
            await asyncio.gather(
                ask(arms.champion, ours, asked.of(ours, lookback), request.deadline),
                self._challenged(request, asked, arms, np.flatnonzero(drawn)),
            )
        )

    async def _challenged(
        self, request: Request, asked: Asked, arms: Arms, rows: Rows | None
    ) -> Part:
        """Rows of the challenger, answered by it or, if it fails, by the champion."""
        challenger = arms.challenger
        assert challenger is not None
        now = time.perf_counter()
        deadline = now + (request.deadline - now) * CHALLENGERS_SHARE
        try:
            theirs = asked.of(rows, challenger.model.contract.lookback)
            part = await ask(challenger, rows, theirs, deadline)
            check_finite(part.signal)
            return part
        except Exception as error:  # no fault of a challenger is a fault of the request
            kind = next(kind for of, kind in KINDS if isinstance(error, of))
            self._say(challenger.label, kind, error)
        ours = asked.of(rows, arms.champion.model.contract.lookback)
        self._metrics.fell_back(len(ours.windows), kind)
        return await ask(arms.champion, rows, ours, request.deadline)

    def _say(self, label: str, kind: str, error: Exception) -> None:
        """Once a version and kind: the metric counts them all."""
        if (label, kind) not in self._said:
            self._said.add((label, kind))
            _logger.error(
                "challenger %s did not answer (%s), the champion did: %r", label, kind, error
            )
