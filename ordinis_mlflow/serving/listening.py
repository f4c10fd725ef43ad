"""Listening: where a server is reached, by how many processes, and how it comes to its end."""

import errno
import socket
from dataclasses import dataclass, field

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.serving.access import Certificates
from ordinis_mlflow.serving.connections import ConnectionLimits


@dataclass(frozen=True)
class Listening:
    """Address and processes.

    Attributes:
        host: address to listen on; ``0.0.0.0`` for all of the machine's.
        port: 0 for a free one.
        workers: processes that share the port, each with a model of its own.
        reuse_port: let another server of the same user listen on the same port; how one takes
            over from another without a gap.
        drain_seconds: in which requests under way may end when the server is told to stop.
        connection_limits: of each process.
        certificates: for TLS.

    Raises:
        InvalidConfig: a figure is outside its range.
    """

    host: str = "127.0.0.1"
    port: int = 5001
    workers: int = 1
    reuse_port: bool = False
    drain_seconds: float = 30.0
    connection_limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    certificates: Certificates = field(default_factory=Certificates)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise InvalidConfig(f"port must lie in 0 to 65535, got {self.port}")
        if self.workers < 1:
            raise InvalidConfig(f"workers must be 1 or more, got {self.workers}")
        if not 0 < self.drain_seconds < float("inf"):
            raise InvalidConfig(f"drain_seconds must be above 0, got {self.drain_seconds}")

    def bind(self) -> socket.socket:
        """A socket at the address, on which nobody listens yet.

        Raises:
            InvalidConfig: the address cannot be had.
        """
        bound = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.reuse_port:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            bound.bind((self.host, self.port))
        except OSError as error:
            bound.close()
            raise cannot_listen(self.host, self.port, error) from error
        return bound


def cannot_listen(host: str, port: int, error: OSError) -> InvalidConfig:
    """What is said when an address cannot be had."""
    if error.errno == errno.EADDRINUSE:
        return InvalidConfig(f"port {port} of {host} is in use: stop who has it, or choose another")
    return InvalidConfig(f"cannot listen on port {port} of {host}: {error.strerror or error}")


def address(bound: socket.socket, scheme: str) -> str:
    """URL of a bound socket."""
    host, port = bound.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
