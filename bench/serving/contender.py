"""Contender: a server that is measured, and the request that it is measured with."""

from dataclasses import dataclass

from bench.load.post import JSON


@dataclass(frozen=True)
class Contender:
    """How a server is started and what it is sent.

    In the command and in the values of the environment ``{port}`` stands for the port to listen on,
    ``{second_port}`` and ``{third_port}`` for further free ones.

    Attributes:
        name: in tables.
        command: program and arguments.
        path: where the request goes, for example ``/invocations``.
        body: of the request.
        content_type: of the body.
        environment: variables besides this process's own.
    """

    name: str
    command: tuple[str, ...]
    path: str
    body: bytes
    content_type: str = JSON
    environment: tuple[tuple[str, str], ...] = ()
