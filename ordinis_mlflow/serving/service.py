"""Service: from what is asked to what is answered, whichever protocol asks."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeAlias

from ordinis_mlflow.errors import DeadlinePassed, RequestRefused, ServingError
from ordinis_mlflow.flavor.model import check_finite
from ordinis_mlflow.serving.arms import Arms, Asked, Part, Scored
from ordinis_mlflow.serving.http import Request
from ordinis_mlflow.serving.settings import Limits
from ordinis_mlflow.signal import Signal

Watcher: TypeAlias = Callable[[Scored], None]
"""Is told of each answer before it is sent; must neither wait nor raise."""


class Service:
    """The versions in service, and who is told of their answers.

    Args:
        limits: of one request.
        watchers: metrics, prediction log, shadow.
    """

    def __init__(self, limits: Limits, watchers: tuple[Watcher, ...] = ()) -> None:
        self.limits, self.watchers = limits, watchers
        self._arms: Arms | None = None

    @property
    def ready(self) -> bool:
        """Whether there is a model."""
        return self._arms is not None

    @property
    def arms(self) -> Arms:
        """Who answers now. A request keeps to those that it began with.

        Raises:
            ServingError: no model is loaded yet.
        """
        if self._arms is None:
            raise ServingError("no model is loaded yet: try again later")
        return self._arms

    def replace(self, arms: Arms) -> None:
        """Let others answer from the next request on; what is under way is finished by the old."""
        self._arms = arms

    async def score(self, request: Request, asked: Asked, arms: Arms) -> Scored:
        """Answer a request.

        Raises:
            RequestRefused: it asks for more windows than one request may.
            InvalidWindows: the model has no finite answer.
            QueueFull: too many windows wait.
            DeadlinePassed: its time was over.
        """
        if len(asked.windows) > self.limits.windows:
            raise RequestRefused(
                413,
                "too_many_windows",
                f"a request may ask for {self.limits.windows} windows, this one asks for "
                f"{len(asked.windows)}: send several requests",
            )
        served = arms.champion
        future = served.batcher.submit(asked.windows, request.deadline)
        signal = await _in_time(future, request.deadline)
        check_finite(signal)
        scored = Scored(request.id, signal, (Part(served, None, asked, signal),))
        for watcher in self.watchers:
            watcher(scored)
        return scored


async def _in_time(future: "asyncio.Future[Signal]", deadline: float) -> Signal:
    """The future's result. A turn of the loop is given for nothing: most are done by then."""
    await asyncio.sleep(0)
    if not future.done():
        try:
            return await asyncio.wait_for(future, deadline - time.perf_counter())
        except TimeoutError:
            raise DeadlinePassed("the model did not answer in the request's time") from None
    return future.result()
