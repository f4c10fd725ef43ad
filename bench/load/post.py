"""Post: the request that a load generator sends, always the same."""

from dataclasses import dataclass

LOOPBACK = "127.0.0.1"
JSON = "application/json"


@dataclass(frozen=True)
class Post:
    """A POST to a server on the loopback interface.

    Attributes:
        port: where the server listens.
        path: for example ``/invocations``.
        body: sent as it is.
        headers: name and value of each, besides Host and Content-Length.
    """

    port: int
    path: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("Content-Type", JSON),)

    def encoded(self) -> bytes:
        """The request as it goes over the wire, for a connection that is kept alive."""
        headers = (
            ("Host", f"{LOOPBACK}:{self.port}"),
            *self.headers,
            ("Content-Length", str(len(self.body))),
        )
        lines = [f"POST {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        return "\r\n".join([*lines, "", ""]).encode("ascii") + self.body
