"""The server's own command as a process of a test, and what is said on a connection."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

READY = re.compile(r"ordinis serves .* at (\w+)://127\.0\.0\.1:(\d+)\n")
SECONDS = 60


@dataclass
class CommandServer:
    """A running server.

    Attributes:
        process: its first one.
        port: where it listens.
        scheme: of its URL.
        log: file of what it has printed.
    """

    process: subprocess.Popen
    port: int
    scheme: str
    log: Path

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def connected(self):
        """A connection that closes with the block."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS) as connection:
            yield connection

    def said(self, *parts):
        """Everything that is answered to these bytes until the server closes; None for a reset."""
        with self.connected() as connection:
            with contextlib.suppress(ConnectionError):
                for part in parts:
                    connection.sendall(part)
            return until_closed(connection)

    def stop(self, number=signal.SIGTERM):
        """Its exit status."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


@contextlib.contextmanager
def command_server(model, *arguments, **environment):
    """A server until the end of the block, on a free port.

    Args:
        model: folder or URI.
        arguments: of the command, besides model and port.
        environment: variables besides this process's own.
    """
    command = [sys.executable, "-m", "ordinis_mlflow.serving", "--model", str(model)]
    with tempfile.TemporaryDirectory(prefix="ordinis-command-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [*command, "--port", "0", *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **environment},
                text=True,
                start_new_session=True,
            )
        try:
            ready = READY.fullmatch(process.stdout.readline())
            assert ready, log.read_text()
            yield CommandServer(process, int(ready[2]), ready[1], log)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()


def until_closed(connection):
    """What comes until the other side closes; None if it ends with a reset and nothing came."""
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except ConnectionError:
        return received or None
    return received


def one_answer(connection):
    """(status, body) of the next answer on a connection that stays open."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(1)
    length = int(re.search(rb"content-length: (\d+)", received)[1])
    body = b""
    while len(body) < length:
        body += connection.recv(length - len(body))
    return int(received.split(b" ", 2)[1]), body


def answers(received):
    """(status, body) of each answer in what was received."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        length = int(re.search(rb"content-length: (\d+)", head)[1])
        found.append((status, rest[:length]))
        received = rest[length:]
    return found
