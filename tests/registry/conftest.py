"""What tests of the registry share: a planted gate, a policy, embedded stores and one server."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
import requests
from tracking_server import free_port

HERE = Path(__file__).parent
POLICY = """
aliases = { champion = "Production", challenger = "Staging", canary = "@canary" }
[models."*".Production]
planted = {}
[models."*".Staging]
planted = {}
[models."*"."@canary"]
planted = {}
"""
KEY = "a long key that only the head of risk knows"


@pytest.fixture(scope="session")
def plugins(tmp_path_factory):
    """A folder from which Python finds the planted gate as an installed one."""
    folder = tmp_path_factory.mktemp("plugins")
    shutil.copy(HERE / "told_gate.py", folder / "told_gate.py")
    info = folder / "told_gate-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: told_gate\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ordinis.gates]\nplanted = told_gate:ToldGate\n")
    return folder


@pytest.fixture(scope="session")
def policy(tmp_path_factory):
    file = tmp_path_factory.mktemp("policy") / "policy.toml"
    file.write_text(POLICY)
    return file


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """MLflow's tables without a row: making them takes MLflow several seconds."""
    file = tmp_path_factory.mktemp("empty") / "empty.db"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of SQLAlchemy, about how MLflow maps its tables
        from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

        SqlAlchemyStore(f"sqlite:///{file}").engine.dispose()
    return file


@pytest.fixture
def gates(plugins, policy, monkeypatch):
    """The planted gate and the policy, in this process."""
    monkeypatch.syspath_prepend(plugins)
    monkeypatch.setenv("ORDINIS_POLICY", str(policy))
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    monkeypatch.delenv("ORDINIS_BREAK_GLASS_KEY", raising=False)


@pytest.fixture
def database(empty_database, tmp_path):
    return Path(shutil.copy(empty_database, tmp_path / "registry.db"))


@pytest.fixture
def opened(database, gates):
    """Open the gated store of the test's database, as often as asked."""
    from ordinis_mlflow.plugins.registry_store import build

    made = []

    def open_store():
        made.append(build(f"ordinis+sqlite:///{database}", f"sqlite:///{database}"))
        return made[-1]

    yield open_store
    for store in made:
        store.engine.dispose()


@pytest.fixture
def store(opened):
    return opened()


@pytest.fixture
def version(store, tmp_path):
    """Register a version whose planted gate says what it is told; its number."""

    def register(said="pass", model="m", **more):
        from mlflow.exceptions import MlflowException

        with contextlib.suppress(MlflowException):
            store.create_registered_model(model)
        folder = tmp_path / f"files-{time.time_ns()}"
        folder.mkdir()
        (folder / "verdict.txt").write_text(said)
        (folder / "weights.bin").write_bytes(folder.name.encode())
        return int(store.create_model_version(model, folder.as_uri(), **more).version)

    return register


@pytest.fixture
def facts(database):
    """Read what stands in the database, past every store."""

    def read(model="m"):
        with contextlib.closing(sqlite3.connect(database)) as connection:
            return read_facts(connection, model)

    return read


def read_facts(connection, model="m"):
    """Stages and aliases, in one statement: what is true at one moment."""
    rows = connection.execute(
        "SELECT version, current_stage, '' FROM model_versions WHERE name = ? "
        "AND current_stage IN ('Production', 'Staging') "
        "UNION ALL SELECT version, '', alias FROM registered_model_aliases WHERE name = ?",
        (model, model),
    ).fetchall()
    return sorted((stage or f"@{alias}", version) for version, stage, alias in rows)


class Server:
    """mlflow server in a process group of its own."""

    def __init__(self, folder, environment, options=()):
        self.folder, self.environment, self.options = folder, environment, options
        self.database = folder / "server.db"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self):
        uri = f"sqlite:///{self.database}"
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
        command += ["--registry-store-uri", f"ordinis+{uri}", "--workers", "1", *self.options]
        command += ["--artifacts-destination", str(self.folder / "artifacts")]
        command += ["--host", "127.0.0.1", "--port", str(self.port)]
        with (self.folder / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                command,
                env=self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait()

    def _wait(self):
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.url}/health", timeout=2).status_code == 200:
                    return
            time.sleep(0.1)
        raise AssertionError((self.folder / "server.log").read_text())

    def kill(self, number=9):
        os.killpg(self.process.pid, number)
        self.process.wait(30)

    def post(self, path, body, base="api/2.0/mlflow", method="POST", **more):
        return requests.request(method, f"{self.url}/{base}/{path}", json=body, timeout=60, **more)

    def facts(self, model):
        with contextlib.closing(sqlite3.connect(self.database, timeout=30)) as connection:
            return read_facts(connection, model)

    def register(self, model, said="pass", experiment="0", headers=None):
        """A version with proxied files, registered over REST; its number."""
        self.post("registered-models/create", {"name": model}, headers=headers)
        made = self.post("runs/create", {"experiment_id": experiment}, headers=headers)
        run = made.json()["run"]["info"]
        root = run["artifact_uri"].partition("mlflow-artifacts:/")[2]
        for path, content in {"verdict.txt": said, "weights.bin": run["run_id"]}.items():
            url = f"{self.url}/api/2.0/mlflow-artifacts/artifacts/{root}/{path}"
            answer = requests.put(url, data=content.encode(), headers=headers, timeout=30)
            assert answer.status_code == 200, answer.text
        body = {"name": model, "source": run["artifact_uri"], "run_id": run["run_id"]}
        answer = self.post("model-versions/create", body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["model_version"]["version"]


@pytest.fixture(scope="session")
def environment(plugins, policy):
    """Of a server: the planted gate, the policy, and nothing of this process's MLflow."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW", "_MLFLOW"))}
    return clean | {
        "PYTHONPATH": os.pathsep.join([str(plugins), clean.get("PYTHONPATH", "")]),
        "ORDINIS_POLICY": str(policy),
        "ORDINIS_BREAK_GLASS_KEY": KEY,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "OMP_NUM_THREADS": "1",
    }


@pytest.fixture
def new_server(tmp_path, empty_database, environment):
    """Start a server of the test's own."""
    made = []

    def start(*options, **more):
        server = Server(tmp_path, environment | more, options)
        shutil.copy(empty_database, server.database)
        made.append(server)
        server.start()
        return server

    yield start
    for server in made:
        with contextlib.suppress(ProcessLookupError):
            server.kill()


@pytest.fixture(scope="session")
def server(tmp_path_factory, empty_database, environment):
    """One server for all tests that need none of their own; each of them has a model of its own."""
    made = Server(tmp_path_factory.mktemp("server"), environment)
    shutil.copy(empty_database, made.database)
    made.start()
    yield made
    made.kill()
