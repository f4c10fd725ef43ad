"""Our model server as a process of a test's own, on a free port, and requests as spelled."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tracking_server import Answer, free_port

READY_SECONDS = 60
SERVE = """
import sys, uvicorn
from ordinis_mlflow.prediction_log import PredictionLogSettings
from ordinis_mlflow.serving.process import create
known = {k: v for m in tuple(sys.modules.values()) if m.__name__.startswith("ordinis_mlflow.serving")
         for k, v in vars(m).items()}
uvicorn.run(create(eval(sys.argv[1], known)), host="127.0.0.1", port=int(sys.argv[2]), loop="uvloop",
            http="httptools", access_log=False, log_level="warning", server_header=False,
            date_header=False)
"""


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

    def alive(self):
        """Whether it still answers as it should."""
        return self.process.poll() is None and self.ask("GET", "/ping").status == 200


@contextlib.contextmanager
def serving(settings, port=None, **environment):
    """A server until the end of the block.

    Args:
        settings: of ``ServingSettings``.
        port: None for a free one.
        environment: variables besides this process's own.
    """
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="ordinis-serving-") as folder:
        log = Path(folder) / "server.log"
        # The settings' repr is their own constructor call: nothing of it comes from outside.
        command = [sys.executable, "-c", SERVE, repr(settings), str(port)]
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, env={**os.environ, **environment}, stdout=out, stderr=out
            )
        server = SignalServer(port, process, log)
        try:
            _wait(server)
            yield server
        finally:
            process.terminate()
            process.wait(30)


def _wait(server):
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and server.process.poll() is None:
        with contextlib.suppress(OSError):
            if server.ask("GET", "/ping").status == 200:
                return
        time.sleep(0.05)
    raise AssertionError(server.log.read_text())
