"""MlflowServer: ``mlflow models serve`` for as long as a ``with`` block lasts."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from types import TracebackType
from typing import Any

import requests

from ordinis_mlflow.errors import ServingError
from ordinis_mlflow.graph.session import INPUT
from ordinis_mlflow.serving.process_group import end_group

LOOPBACK = "127.0.0.1"
STOP_SECONDS = 10.0


class MlflowServer:
    """A server process of MLflow's own, on a free port of the loopback interface.

    Args:
        model_uri: what to serve, for example ``models:/sp500@champion``.
        env_manager: ``local``, ``virtualenv`` or ``uv``.
        timeout_s: seconds that it may take to come up; building an environment counts.
        environment: variables set for the server besides this process's own.
    """

    def __init__(
        self,
        model_uri: str,
        env_manager: str = "local",
        timeout_s: float = 120.0,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.model_uri, self.env_manager, self.timeout_s = model_uri, env_manager, timeout_s
        # MLflow starts uvicorn by name: it must be found where this Python is.
        self.environment = {**os.environ, **(environment or {})}
        paths = (os.path.dirname(sys.executable), self.environment.get("PATH", os.defpath))
        self.environment["PATH"] = os.pathsep.join(paths)
        self.port = _free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"

    def __enter__(self) -> "MlflowServer":
        self._log = tempfile.TemporaryFile("w+")
        command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", self.model_uri]
        command += ["--env-manager", self.env_manager, "-h", LOOPBACK, "-p", str(self.port)]
        # A session of its own: the server is a grandchild, and only its group can be stopped.
        self.process = subprocess.Popen(
            command,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=self.environment,
            start_new_session=True,
        )
        try:
            self._wait()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def signals(self, windows: Any) -> list[dict[str, float | int]]:
        """Post windows, get one record a window.

        Args:
            windows: shape (n, lookback, 5).

        Raises:
            ServingError: the server did not answer, or refused them with the message given.
        """
        body = {"inputs": {INPUT: windows.tolist()}}
        try:
            answer = requests.post(f"{self.url}/invocations", json=body, timeout=60)
        except requests.RequestException as error:
            raise ServingError(f"the server at {self.url} did not answer: {error}") from error
        if answer.status_code != 200:
            raise ServingError(f"the server answered {answer.status_code}: {answer.text[-500:]}")
        predictions: list[dict[str, float | int]] = answer.json()["predictions"]
        return predictions

    def log(self) -> str:
        """Everything that the server has printed."""
        self._log.seek(0)
        return self._log.read()

    def _wait(self) -> None:
        deadline = time.monotonic() + self.timeout_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                if requests.get(f"{self.url}/health", timeout=2).status_code == 200:
                    return
            except requests.RequestException:
                time.sleep(0.1)
        ended = self.process.poll()
        what = f"ended with status {ended}" if ended is not None else f"took {self.timeout_s:g} s"
        raise ServingError(
            f"mlflow models serve -m {self.model_uri} did not come up: it {what} and printed:\n"
            f"{self.log()[-3000:]}"
        )

    def _stop(self) -> None:
        end_group(self.process, STOP_SECONDS)
        self._log.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
