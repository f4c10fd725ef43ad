"""Channel: one kept-alive connection of the open loop, with at most one request under way."""

import selectors
import socket

from httptools import HttpParserError, HttpResponseParser

from bench.load.post import LOOPBACK, Post
from ordinis_mlflow.errors import InvalidConfig

CHUNK = 1 << 16
CONNECT_S = 10.0
BROKEN = 0
"""The status of a request whose connection broke."""


class Channel:
    """A connection that a selector watches also while it is idle: a server may close it then.

    Args:
        post: what to send.
        selector: its events carry the channel as data.

    Attributes:
        index: of the request under way, or of the last one.
    """

    def __init__(self, post: Post, selector: selectors.BaseSelector) -> None:
        self.index, self._selector = -1, selector
        self._request, self._port = post.encoded(), post.port
        self._connect()

    def send(self, index: int) -> bool:
        """Send the request; False if the connection broke, which is then made anew."""
        self.index, self._busy, self._complete = index, True, False
        try:
            # As much as the buffer was made for: it never waits.
            self._socket.sendall(self._request)
        except OSError:
            self._reconnect()
            return False
        return True

    def receive(self) -> int | None:
        """The status, once the answer is whole; None before that, or if nothing was asked."""
        try:
            data = self._socket.recv(CHUNK)
            self._parser.feed_data(data)
        except (OSError, HttpParserError):
            data = b""
        if not data:
            return self._broke()
        if not self._complete:
            return None
        status: int = self._parser.get_status_code()
        self._busy = self._complete = False
        if self._last:
            self._reconnect()
        return status

    def on_message_complete(self) -> None:
        """Called by the parser."""
        # Asked here: afterwards the parser has forgotten the headers.
        self._complete, self._last = True, not self._parser.should_keep_alive()

    def close(self) -> None:
        """Close the connection."""
        self._selector.unregister(self._socket)
        self._socket.close()

    def _broke(self) -> int | None:
        status = BROKEN if self._busy else None
        self._reconnect()
        return status

    def _reconnect(self) -> None:
        self.close()
        self._connect()

    def _connect(self) -> None:
        self._busy = self._complete = False
        self._parser = HttpResponseParser(self)
        self._socket = socket.create_connection((LOOPBACK, self._port), CONNECT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * len(self._request))
        self._selector.register(self._socket, selectors.EVENT_READ, self)


def check_fits(post: Post) -> None:
    """Check that sending never waits for the server to read.

    Raises:
        InvalidConfig: the request does not fit a socket's send buffer.
    """
    wanted = 2 * len(post.encoded())  # the kernel counts its own bookkeeping as well
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, wanted)
        room = probe.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    if room < wanted:
        raise InvalidConfig(
            f"a request of {wanted // 2} bytes does not fit a socket's send buffer of {room}, half "
            "of which is bookkeeping: the open loop is for small requests"
        )
