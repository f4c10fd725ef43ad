"""Every worker of the server delivers reactions while it runs."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from ordinis_mlflow.reactions import Deliverer


def deliver_while_running(app: FastAPI, deliverer: Callable[[], Deliverer | None]) -> None:
    """Start the deliverer with the app, so that what was left is delivered, and stop it with it.

    Args:
        app: with MLflow's own beginning and end, which stay.
        deliverer: the registry's; None if it has no gates and so no decisions.
    """
    mlflows = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(started: FastAPI) -> AsyncIterator[Any]:
        found = await run_in_threadpool(deliverer)
        async with mlflows(started) as state:
            if found:
                found.start()
            try:
                yield state
            finally:
                if found:
                    await run_in_threadpool(found.stop)

    app.router.lifespan_context = lifespan
