"""A real, tiny HTTP server in one thread that stalls once, or takes a known time a request."""

import select
import socket
import threading
import time

ANSWERED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
END = b"\r\n\r\n"


class StallingServer:
    """Everyone waits while it stalls, as in a pause of a garbage collector.

    Args:
        stalls_at: the request, counted from 1, at which it stalls; 0 for never.
        stall_s: how long.
        each_s: time that every request takes, one after another.
        refuses_every: every so many requests it answers 400.
        closes_every: every so many requests it closes the connection instead of answering.
    """

    def __init__(self, stalls_at=0, stall_s=0.0, each_s=0.0, refuses_every=0, closes_every=0):
        self.stalls_at, self.stall_s, self.each_s = stalls_at, stall_s, each_s
        self.refuses_every, self.closes_every = refuses_every, closes_every
        self.requests = self.connections = 0
        self.bodies = set()
        self._received = {}  # socket -> bytes of a request that is not whole yet

    def __enter__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._stop, stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._run, args=(stopped,))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.close()
        self._thread.join()

    def _run(self, stopped):
        with stopped, self._listening:
            while True:
                ready, _, _ = select.select([stopped, self._listening, *self._received], [], [])
                if stopped in ready:
                    break
                for each in ready:
                    self._accept() if each is self._listening else self._read(each)
        for connection in self._received:
            connection.close()

    def _accept(self):
        self.connections += 1
        self._received[self._listening.accept()[0]] = b""

    def _read(self, connection):
        try:
            data = connection.recv(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            return self._close(connection)
        head, found, body = (self._received[connection] + data).partition(END)
        self._received[connection] = head + found + body
        if found and len(body) == int(head.lower().split(b"content-length: ")[1].split()[0]):
            self._received[connection] = b""
            self._answer(connection, body)

    def _answer(self, connection, body):
        self.bodies.add(body)
        self.requests += 1
        time.sleep(self.stall_s if self.requests == self.stalls_at else self.each_s)
        if self.closes_every and self.requests % self.closes_every == 0:
            return self._close(connection)
        refused = self.refuses_every and self.requests % self.refuses_every == 0
        try:
            connection.sendall(REFUSED if refused else ANSWERED)
        except ConnectionError:
            self._close(connection)

    def _close(self, connection):
        del self._received[connection]
        connection.close()
