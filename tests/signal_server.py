"""Our model server as a process of a test's own, on a free port, and requests as spelled."""

import contextlib
import dataclasses
import http.client
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from command_server import SECONDS, command_server
from tracking_server import Answer


@dataclass
class SignalServer:
    """A running server."""

    port: int
    process: subprocess.Popen
    log: Path

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def connection(self):
        """A connection that closes with the block."""
        return contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60))

    def ask(self, method, path, body=None, headers=None):
        """One request exactly as spelled, on a connection of its own; headers in lower case."""
        with self.connection() as connection:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, answer.read(), names)

    def post(self, body, content_type="application/json", path="/invocations", **headers):
        """POST; what is not bytes is sent as JSON, and a content type of None not at all."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        stated = {} if content_type is None else {"Content-Type": content_type}
        return self.ask("POST", path, sent, {**stated, **headers})

    def stop(self):
        """Its exit status, once it is told to end."""
        self.process.terminate()
        return self.process.wait(SECONDS)

    def alive(self):
        """Whether it still answers as it should."""
        return self.process.poll() is None and self.ask("GET", "/ping").status == 200


@contextlib.contextmanager
def serving(settings, port=0, **environment):
    """The server's own command until the end of the block.

    Args:
        settings: of ``ServingSettings``.
        port: 0 for a free one.
        environment: variables besides this process's own.
    """
    arguments = [*flags(settings), "--port", str(port)]
    with command_server(settings.model, *arguments, **environment) as running:
        yield SignalServer(running.port, running.process, running.log)
        if running.process.poll() is None:
            assert running.stop() == 0


def flags(settings):
    """Of the command line: settings in settings are parameters of their own."""
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            yield from flags(value)
        elif field.name != "model":
            yield from (f"--{field.name}", str(value).lower() if value is None else str(value))
