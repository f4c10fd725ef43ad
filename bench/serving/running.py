"""Running: a contender's processes for as long as a ``with`` block lasts."""

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

import psutil

from bench.load.post import LOOPBACK, Post
from bench.serving.contender import Contender
from ordinis_mlflow.errors import ServingError
from ordinis_mlflow.serving.process_group import end_group

PORTS = ("port", "second_port", "third_port")
POLL_S, STOP_S, STRAGGLE_S = 0.005, 10.0, 0.5


class Running:
    """The contender, answering its request with 200.

    Args:
        contender: what to start.
        timeout_s: seconds that it may take until its first answer.

    Attributes:
        post: its request.
        cold_start_s: from the start of the process to the first answer with status 200.

    Raises:
        ServingError: it ended or took too long; what it printed is in the message.
    """

    def __init__(self, contender: Contender, timeout_s: float = 120.0) -> None:
        self.contender, self._timeout_s = contender, timeout_s
        self._ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
        headers = (("Content-Type", contender.content_type),)
        self.post = Post(self._ports["port"], contender.path, contender.body, headers)
        self.cold_start_s, self._last = float("nan"), "none"

    def __enter__(self) -> "Running":
        self._log = tempfile.TemporaryFile("w+")
        start = time.perf_counter()
        # A group of its own: servers start further processes, and only the group can be stopped.
        self._process = subprocess.Popen(
            [part.format(**self._ports) for part in self.contender.command],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=self._environment(),
            start_new_session=True,
        )
        try:
            self._wait(start + self._timeout_s)
        except BaseException:
            self._stop()
            raise
        self.cold_start_s = time.perf_counter() - start
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def peak_bytes(self) -> int:
        """Peak resident memory of the largest process of the server."""
        return max(_peak_of(process.pid) for process in self._tree())

    def log(self) -> str:
        """Everything that the server has printed."""
        self._log.seek(0)
        return self._log.read()

    def _environment(self) -> dict[str, str]:
        own = {name: value.format(**self._ports) for name, value in self.contender.environment}
        # mlflow starts uvicorn by name: it must be found where this Python is.
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        return {**os.environ, "PATH": path, **own}

    def _wait(self, deadline: float) -> None:
        while not self._answers():
            ended = self._process.poll()
            if ended is not None or time.perf_counter() > deadline:
                what = "took too long" if ended is None else f"ended with status {ended}"
                raise ServingError(
                    f"{self.contender.name} {what}; last answer: {self._last}; it printed:\n"
                    f"{self.log()[-3000:]}"
                )
            time.sleep(POLL_S)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self.post.port, timeout=self._timeout_s)
        with contextlib.closing(connection):
            try:
                connection.request("POST", self.post.path, self.post.body, dict(self.post.headers))
                with connection.getresponse() as answer:
                    self._last = f"{answer.status} {answer.read()[-300:]!r}"
                return answer.status == 200
            except (OSError, http.client.HTTPException):
                return False  # it does not listen yet

    def _tree(self) -> list[psutil.Process]:
        try:
            root = psutil.Process(self._process.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _stop(self) -> None:
        tree = self._tree()
        end_group(self._process, STOP_S)
        # Some workers have groups of their own (BentoML's), and should end with their parent.
        for straggler in psutil.wait_procs(tree, STRAGGLE_S)[1]:
            straggler.kill()
        self._log.close()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server((LOOPBACK, 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


def _peak_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    kibibytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return 1024 * int(kibibytes)
