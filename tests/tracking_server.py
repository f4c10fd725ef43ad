"""A tracking server of a test's own: a process, a database, a folder, a free port."""

import base64
import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

READY_SECONDS = 60


@dataclass
class Answer:
    """Of one request."""

    status: int
    body: bytes
    headers: dict

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()


@dataclass
class Server:
    """A running server."""

    port: int
    folder: Path
    user: tuple[str, str] | None = None
    log: Path = field(default=Path())

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def database(self):
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    def as_user(self, name, password):
        return Server(self.port, self.folder, (name, password), self.log)

    def ask(self, method, path, body=None, headers=None):
        """One request exactly as spelled: no client tidies the path up."""
        sent = dict(headers or {})
        if self.user:
            code = base64.b64encode(":".join(self.user).encode()).decode()
            sent["Authorization"] = f"Basic {code}"
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), dict(answer.getheaders()))

    def api(self, method, path, body=None):
        """MLflow's REST API, which has to agree."""
        answer = self.ask(method, f"/api/2.0/mlflow/{path}", body)
        assert answer.status == 200, answer.body
        return answer.json

    def put(self, path, data=b"new"):
        return self.ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{quote(path)}", data)

    def get(self, path):
        return self.ask("GET", f"/api/2.0/mlflow-artifacts/artifacts/{quote(path)}")


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextlib.contextmanager
def running(folder, app="ordinis", registry="", options=(), **environment):
    """A server until the end of the block; its log is in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Server(free_port(), folder, log=folder / "server.log")
    command = [
        sys.executable, "-m", "mlflow", "server", "--app-name", app, "--workers", "1",
        "--backend-store-uri", server.database,
        "--registry-store-uri", f"{registry}{server.database}",
        "--artifacts-destination", str(folder / "artifacts"),
        "--host", "127.0.0.1", "--port", str(server.port), *options,
    ]  # fmt: skip
    known = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW", "_MLFLOW"))}
    known |= {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            command, env=known | environment, stdout=log, stderr=log, cwd=folder
        )
        try:
            _wait(server, process)
            yield server
        finally:
            process.terminate()
            process.wait(30)


def _wait(server, process):
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            if server.ask("GET", "/health").status == 200:
                return
        time.sleep(0.2)
    raise AssertionError(server.log.read_text())


def experiment(server, name):
    return server.api("POST", "experiments/create", {"name": name})["experiment_id"]


def run(server, experiment_id):
    made = server.api("POST", "runs/create", {"experiment_id": experiment_id})
    return made["run"]["info"]["run_id"]


def logged_model(server, experiment_id, run_id, name="model"):
    """The id of a logged model with one file, and the file's path below the proxy's root."""
    asked = {"experiment_id": experiment_id, "name": name, "source_run_id": run_id}
    model = server.api("POST", "logged-models", asked)["model"]["info"]["model_id"]
    path = f"{experiment_id}/models/{model}/artifacts/weights.bin"
    assert server.put(path, b"proven").status == 200
    return model, path


def register(server, name, source, **more):
    """Register a version; the registered model is made if it is not there."""
    server.ask("POST", "/api/2.0/mlflow/registered-models/create", {"name": name})
    asked = {"name": name, "source": source, **more}
    return server.api("POST", "model-versions/create", asked)["model_version"]["version"]


class Victim:
    """A logged model and a run's artifact, to be registered and then attacked."""

    def __init__(self, server, name):
        self.server, self.name = server, name
        self.experiment = experiment(server, name)
        self.run = run(server, self.experiment)
        self.model, self.path = logged_model(server, self.experiment, self.run)
        self.folder = self.path.rpartition("/")[0]
        self.run_folder = f"{self.experiment}/{self.run}/artifacts/old"
        self.run_path = f"{self.run_folder}/weights.bin"
        assert server.put(self.run_path, b"proven").status == 200

    def register(self):
        register(self.server, self.name, f"models:/{self.model}", model_id=self.model)
        source = f"mlflow-artifacts:/{self.run_folder}"
        register(self.server, self.name, source, run_id=self.run)
        return self

    def files(self):
        return [self.server.get(path).body for path in (self.path, self.run_path)]
