"""Running: uvicorn around the application, from a bound socket to the last answer."""

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from ordinis_mlflow.errors import ServingError
from ordinis_mlflow.serving.app import ServingApp
from ordinis_mlflow.serving.listening import Listening, cannot_listen

ENDING = (signal.SIGTERM, signal.SIGINT)


def run(
    app: ServingApp,
    listening: Listening,
    bound: socket.socket,
    ready: Callable[[], None],
) -> None:
    """Answer until told to stop by SIGTERM or SIGINT; what is under way is answered first.

    Args:
        app: the application.
        listening: how it is reached.
        bound: the socket to listen on.
        ready: is called when requests are answered.

    Raises:
        ServingError: a part of the application did not start.
        InvalidConfig: another server was faster to listen at the address.
    """
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        interface="asgi3",
        access_log=False,
        log_level="error",
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=listening.drain_seconds,  # type: ignore[arg-type]
    )
    try:
        Server(config, ready).run([bound])
    except OSError as error:
        raise cannot_listen(listening.host, bound.getsockname()[1], error) from error
    except SystemExit as error:
        raise ServingError("the server did not start: the line above says why") from error


class Server(uvicorn.Server):
    """One that ends well: being told to stop is no failure, and told twice it stops at once.

    Args:
        config: uvicorn's.
        ready: is called when requests are answered.
    """

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn's would raise the signal again in the end, and the exit status be its number."""
        before = {each: signal.signal(each, self._told) for each in ENDING}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _told(self, number: int, frame: object) -> None:
        self.should_exit = True
        for each in ENDING:
            signal.signal(each, signal.SIG_DFL)
