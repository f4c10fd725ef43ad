"""Running: uvicorn around the application, from a bound socket to the last answer."""

import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvicorn

from ordinis_mlflow.serving.app import ServingApp
from ordinis_mlflow.serving.connections import HEADER_BYTES, Connection, ConnectionLimits, Watch
from ordinis_mlflow.serving.listening import Listening, cannot_listen
from ordinis_mlflow.serving.settings import Limits

BACKLOG = 2048
SPARE_SECONDS = 5.0
ENDING = (signal.SIGTERM, signal.SIGINT)


def run(
    app: ServingApp,
    listening: Listening,
    bound: socket.socket,
    ready: Callable[[], None],
    ending: Sequence[signal.Signals] = ENDING,
    again: signal.Handlers = signal.SIG_DFL,
) -> None:
    """Answer until told to stop; what is under way is answered first.

    Args:
        app: the application.
        listening: how it is reached.
        bound: the socket to listen on.
        ready: is called when requests are answered.
        ending: signals that tell it to stop.
        again: what such a signal does when it is already told; by default it ends the process.

    Raises:
        OrdinisError: a part of the application did not start.
        InvalidConfig: another server was faster to listen at the address.
    """
    context = listening.certificates.context()
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=_connections(app, listening.connection_limits),
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_level="error",
        proxy_headers=False,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=listening.connection_limits.idle_seconds,  # type: ignore[arg-type]
        timeout_graceful_shutdown=listening.drain_seconds,  # type: ignore[arg-type]
        ssl_context_factory=(lambda *_: context) if context else None,
    )
    watch = Watch(listening.connection_limits, _request_seconds(app.limits))
    Server(config, app, watch, ready, ending, again).run([bound])


def _connections(app: ServingApp, limits: ConnectionLimits) -> Any:
    """What uvicorn makes connections with."""
    # A body in small chunks is larger on the wire than in memory.
    most = 2 * app.limits.body_bytes + HEADER_BYTES
    return partial(Connection, limits=limits, request_bytes=most, metrics=app.metrics)


def _request_seconds(limits: Limits) -> float:
    """In which every request is answered, be it with 408 or 504."""
    return limits.read_seconds + limits.answer_seconds + SPARE_SECONDS


class Server(uvicorn.Server):
    """One that ends well: being told to stop is no failure, and slow connections are given up.

    Args:
        config: uvicorn's.
        app: the application.
        watch: over connections.
        ready: is called when requests are answered.
        ending: signals that tell it to stop.
        again: what they do when it is told.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        app: ServingApp,
        watch: Watch,
        ready: Callable[[], None],
        ending: Sequence[signal.Signals],
        again: signal.Handlers,
    ) -> None:
        super().__init__(config)
        self._app, self._watch, self._ready = app, watch, ready
        self._ending, self._again = ending, again

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then listen, and say so.

        Not by ASGI's lifespan, which turns an error into its text.
        """
        await self._app.start()
        try:
            await super().startup(sockets)
        except OSError as error:  # two servers may bind an address, while none listens yet
            await self._app.stop()
            host, port = sockets[0].getsockname()[:2] if sockets else ("", 0)
            raise cannot_listen(host, port, error) from error
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is under way, then stop the application."""
        await super().shutdown(sockets)
        await self._app.stop()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second."""
        if counter % 10 == 0:
            self._watch.look(self.server_state.connections)  # type: ignore[arg-type]
        return await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn's would raise the signal again in the end, and the exit status be its number."""
        before = {each: signal.signal(each, self._told) for each in self._ending}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _told(self, number: int, frame: object) -> None:
        self.should_exit = True
        for each in self._ending:
            signal.signal(each, self._again)
