"""What compose.yaml runs, run as processes: commands, environment and mounted files are its own.

Other hosts are this machine, PostgreSQL is reached by its socket, and S3 is moto's.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
import warnings
from dataclasses import dataclass

import mlflow
import pytest
import sqlalchemy as sa
from command_server import command_server
from container_files import DOCKER, EXAMPLE, SERVICES, filled, instructions, one, variables
from mlflow import MlflowClient
from s3_server import s3_server
from sound_policy import SOUND
from tracking_server import Server, free_port

from ordinis_mlflow import flavor

SECRETS = {name: f"{name.lower()}-for-tests" for name, value in EXAMPLE.items() if not value}
GIVEN = EXAMPLE | SECRETS | {
    "SERVED_MODEL": "models:/desk@champion",
    "ORDINIS_API_KEYS": "desk:api-key-for-tests-only",
}  # fmt: skip
GATES = (
    SOUND
    + """
[reactions.reload]
"""
)
KEEPS = re.compile(r"(MLFLOW|_MLFLOW|ORDINIS|AWS|PG)")
STORE = """
from ordinis_mlflow.store import open_store
store = open_store("nowhere")
store.files.write("a/file", b"snapshot")
assert store.files.read("a/file") == b"snapshot"
assert store.catalogue.dataset("nobody's") is None
"""
PATIENCE_SECONDS = 60


@dataclass
class Composed:
    """The processes, and how they were made.

    Attributes:
        environment: of the tracking server.
        tracking: asks it.
        process: of the tracking server.
        serving: port of the model server.
        bucket: a client of S3, past the tracking server.
    """

    environment: dict
    tracking: Server
    process: subprocess.Popen
    serving: int
    bucket: object

    def model_server(self, folder):
        """As in compose.yaml, with the volumes in a folder, and no clock that would hide a hint."""
        service = SERVICES["serving"]
        command = [filled(word, GIVEN).replace("/var/lib/ordinis", str(folder))
                   for word in service["command"]]  # fmt: skip
        environment = {name: filled(value, GIVEN) for name, value in service["environment"].items()}
        environment["MLFLOW_TRACKING_URI"] = self.tracking.url
        own = ("--host", "127.0.0.1", "--port", self.serving, "--reload_seconds", 3600)
        return command_server(GIVEN["SERVED_MODEL"], *command, *own, **environment)


@pytest.fixture(scope="module")
def s3():
    """(URL, client) of an S3 server without a bucket."""
    boto3 = pytest.importorskip("boto3")
    keys = {"aws_access_key_id": SECRETS["S3_ACCESS_KEY"],
            "aws_secret_access_key": SECRETS["S3_SECRET_KEY"]}  # fmt: skip
    with s3_server() as url:
        yield url, boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)


@pytest.fixture(scope="module")
def database(postgres):
    """Where PostgreSQL's socket is; set up as its image does it, by compose.yaml's variables."""
    folder, admin = postgres
    psql = shutil.which("psql")
    if not psql:
        pytest.skip("psql is not installed")
    service = {k: filled(v, GIVEN) for k, v in SERVICES["postgres"]["environment"].items()}
    user, name = service["POSTGRES_USER"], service["POSTGRES_DB"]
    engine = sa.create_engine(f"postgresql+psycopg://{admin}@/postgres?host={folder}")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"CREATE ROLE {user} SUPERUSER LOGIN"))
        connection.execute(sa.text(f"CREATE DATABASE {name} OWNER {user}"))
    engine.dispose()
    environment = {"PATH": os.environ["PATH"], "PGHOST": str(folder), **service}
    subprocess.run([DOCKER / "postgres/catalogue.sh"], env=environment, check=True)
    return folder


@pytest.fixture(scope="module")
def composed(database, s3, tmp_path_factory):
    folder = tmp_path_factory.mktemp("composed")
    url, client = s3
    serving, environment = free_port(), environment_of("tracking", database, url)
    (reload,) = tomllib.loads((DOCKER / "policy.toml").read_text())["reactions"].values()
    reload["url"] = reload["url"].replace("serving:5001", f"127.0.0.1:{serving}")
    lines = [f"{name} = {json.dumps(value)}" for name, value in reload.items()]
    (folder / "policy.toml").write_text(GATES + "\n".join(lines))
    port = free_port()
    environment |= {
        "ORDINIS_POLICY": str(folder / "policy.toml"),
        "MLFLOW_PORT": str(port),
        "MLFLOW_HOST": "127.0.0.1",
    }
    run_bucket(environment)
    stage = instructions(DOCKER / "tracking.Dockerfile")[-1]
    command = [*one(stage, "ENTRYPOINT").listed, *one(stage, "CMD").listed]
    assert command.pop(0) == "mlflow"
    server = Server(port, folder, log=folder / "log")
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *command],
            env=environment, stdout=log, stderr=log, cwd=folder,
        )  # fmt: skip
        try:
            until(lambda: process.poll() is not None or healthy("tracking", port))
            assert process.poll() is None, server.log.read_text()
            yield Composed(environment, server, process, serving, client)
        finally:
            process.terminate()
            process.wait(30)


def environment_of(name, socket, s3_url):
    """A service's environment: its Dockerfile's, compose.yaml's, and nothing of this process's."""
    clean = {k: v for k, v in os.environ.items() if not KEEPS.match(k)}
    built = variables(instructions(DOCKER / f"{name}.Dockerfile")[-1])
    built.pop("PATH")
    own = {k: filled(v, GIVEN) for k, v in SERVICES[name]["environment"].items()}
    for key, value in own.items():
        own[key] = re.sub(r"@postgres/(\w+)$", rf"@/\1?host={socket}", value)
    return clean | built | own | {"AWS_ENDPOINT_URL": s3_url}


def run_bucket(environment):
    service = SERVICES["bucket"]
    script = DOCKER / os.path.basename(service["entrypoint"][-1])
    command = [sys.executable, script, *service["command"]]
    for _ in range(2):  # it is run at every start
        subprocess.run(command, env=environment, check=True)


def healthy(name, port):
    """The health check of a Dockerfile, asked at another port."""
    words = one(instructions(DOCKER / f"{name}.Dockerfile")[-1], "HEALTHCHECK").listed
    assert words.pop(0) == "python"
    words = [re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", word) for word in words]
    done = subprocess.run([sys.executable, *words], capture_output=True)
    return done.returncode == 0


def until(true):
    end = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.fixture(scope="module")
def client(composed):
    """This process as a training: it knows the tracking server alone."""
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    mlflow.set_tracking_uri(composed.tracking.url)
    mlflow.set_registry_uri(composed.tracking.url)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's, of stages
        yield MlflowClient()
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


def promoted(client, package):
    """Registered, and through the gates to the alias; its version."""
    experiment = client.get_experiment_by_name("desk")
    number = experiment.experiment_id if experiment else client.create_experiment("desk")
    with mlflow.start_run(run_id=client.create_run(number).info.run_id):
        info = flavor.log_model(package, registered_model_name="desk")
    client.set_registered_model_alias("desk", "champion", info.registered_model_version)
    return str(info.registered_model_version)


@pytest.mark.parametrize(
    ("host", "status"),
    [("tracking:5000", 200), ("127.0.0.1:5000", 200), ("localhost:5000", 200), ("evil.com", 403)],
)
def test_the_tracking_server_answers_to_its_names(composed, host, status):
    path = "/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default"
    assert composed.tracking.ask("GET", path, headers={"Host": host}).status == status


def test_the_store_is_in_the_bucket_and_its_catalogue_in_a_database_of_its_own(composed):
    subprocess.run([sys.executable, "-c", STORE], env=composed.environment, check=True)
    assert composed.bucket.get_object(Bucket="ordinis", Key="store/a/file")["Body"].read()


def test_who_writes_the_catalogue_does_not_get_into_the_registry(composed):
    url = composed.environment["ORDINIS_CATALOGUE"]
    engine = sa.create_engine(url.replace("/catalogue?", "/ordinis?"))
    with pytest.raises(sa.exc.OperationalError, match="permission denied"):
        engine.connect()


def test_a_promotion_reaches_the_model_server(
    composed, client, small_package, small_windows, tmp_path
):
    assert promoted(client, small_package) == "1"
    keys = composed.bucket.list_objects_v2(Bucket="ordinis", Prefix="artifacts/")["Contents"]
    assert any(each["Key"].endswith("model.onnx") for each in keys)
    for name in ("predictions", "drift"):
        (tmp_path / name).mkdir()
    with composed.model_server(tmp_path) as server:
        assert healthy("serving", server.port)
        assert served(server, small_windows) == "desk/1"
        assert status(server, "/invocations", {}) == 401
        assert status(server, "/metrics", {}) == 200
        assert promoted(client, small_package) == "2"
        until(lambda: served(server, small_windows) == "desk/2")
        assert server.stop() == 0
    assert list((tmp_path / "predictions").rglob("*.parquet"))


def test_told_to_end_it_ends_and_has_said_no_secret(composed, client):
    composed.process.terminate()
    assert composed.process.wait(30) in (0, -15)
    said = composed.tracking.log.read_text()
    assert "Uvicorn running" in said
    for secret in GIVEN.values():
        assert secret not in said or secret in EXAMPLE.values()


def served(server, windows):
    """Who answers a client that has the key."""
    key = GIVEN["ORDINIS_API_KEYS"].partition(":")[2]
    headers = {"Content-Type": "application/json", "X-API-Key": key}
    body = json.dumps({"inputs": windows[:1].tolist()}).encode()
    request = urllib.request.Request(f"{server.url}/invocations", body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.headers["X-Ordinis-Model"]


def status(server, path, headers):
    body = b"{}" if path == "/invocations" else None
    request = urllib.request.Request(f"{server.url}{path}", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
