"""A worker of the server delivers reactions from its beginning to its end."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI

from ordinis_mlflow.server.delivering import deliver_while_running


class Deliverer:
    def __init__(self, said):
        self.said = said

    def start(self):
        self.said.append("started")

    def stop(self):
        self.said.append("stopped")


def run(said, deliverer, error=None):
    @asynccontextmanager
    async def mlflows(app):
        said.append("mlflow begins")
        yield {"state": 1}
        said.append("mlflow ends")

    app = FastAPI(lifespan=mlflows)
    deliver_while_running(app, lambda: deliverer)

    async def live():
        async with app.router.lifespan_context(app) as state:
            said.append(state)
            if error:
                raise error

    asyncio.run(live())


def test_started_and_stopped_within_mlflows_own():
    said = []
    run(said, Deliverer(said))
    assert said == ["mlflow begins", "started", {"state": 1}, "stopped", "mlflow ends"]


def test_stopped_whatever_happens():
    said = []
    with pytest.raises(OSError, match="gone"):
        run(said, Deliverer(said), OSError("gone"))
    assert said[-1] == "stopped"


def test_a_registry_without_gates_has_nothing_to_deliver():
    said = []
    run(said, None)
    assert said == ["mlflow begins", {"state": 1}, "mlflow ends"]
