"""Asking: one version about some rows of a request."""

import asyncio
import time

from ordinis_mlflow.errors import DeadlinePassed
from ordinis_mlflow.serving.arms import Asked, Part, Rows, Served


async def ask(served: Served, rows: Rows | None, asked: Asked, deadline: float) -> Part:
    """What a version says; its numbers may not be finite.

    Args:
        served: the version.
        rows: of the request; None for all of them.
        asked: about these rows.
        deadline: of ``time.perf_counter()``.

    Raises:
        QueueFull: too many windows wait.
        DeadlinePassed: the time was over.
    """
    future = served.batcher.submit(asked.windows, deadline)
    if served.batcher.is_prompt(len(asked.windows)):
        return Part(served, rows, asked, await future)
    try:
        signal = await asyncio.wait_for(future, deadline - time.perf_counter())
    except TimeoutError:
        raise DeadlinePassed("the model did not answer in the request's time") from None
    return Part(served, rows, asked, signal)
