"""The server with its database in PostgreSQL and its artifacts in S3, from end to end."""

import os
import warnings
from dataclasses import dataclass
from typing import Any

import mlflow
import pytest
import sqlalchemy as sa
from mlflow import MlflowClient
from mlflow.exceptions import RestException
from s3_server import s3_server
from sound_policy import SOUND
from tracking_server import running

from ordinis_mlflow import flavor
from ordinis_mlflow.errors import NotProven

S3 = {
    "AWS_ACCESS_KEY_ID": "key-of-tests",
    "AWS_SECRET_ACCESS_KEY": "secret-of-tests",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@dataclass
class Bucket:
    """Reached past the tracking server, with a key of its own."""

    url: str
    client: Any
    name: str

    def key(self, model, end):
        """Of the one file of a logged model whose name ends so."""
        files = self.client.list_objects_v2(Bucket=self.name)["Contents"]
        keys = (each["Key"] for each in files if each["Key"].endswith(end))
        (found,) = (key for key in keys if f"/{model}/" in key)
        return found

    def read(self, key):
        return self.client.get_object(Bucket=self.name, Key=key)["Body"].read()

    def write(self, key, content):
        self.client.put_object(Bucket=self.name, Key=key, Body=content)


@pytest.fixture(scope="module")
def bucket():
    """An S3 server with an empty bucket; only the tracking server will know of it."""
    boto3 = pytest.importorskip("boto3")
    names = ("aws_access_key_id", "aws_secret_access_key", "region_name")
    name = f"ordinis-{os.urandom(6).hex()}"
    with s3_server() as url:
        keys = dict(zip(names, S3.values(), strict=True))
        client = boto3.client("s3", endpoint_url=url, **keys)
        client.create_bucket(Bucket=name)
        yield Bucket(url, client, name)


@pytest.fixture(scope="module")
def server(tmp_path_factory, bucket, request):
    """One for all: each test has an experiment and a model of its own."""
    folder, user = request.getfixturevalue("postgres")
    url = f"postgresql+psycopg://{user}@/{new_database(folder, user)}?host={folder}"
    home = tmp_path_factory.mktemp("server")
    policy = home / "policy.toml"
    policy.write_text(SOUND)
    options = (
        "--backend-store-uri", url, "--registry-store-uri", f"ordinis+{url}",
        "--artifacts-destination", f"s3://{bucket.name}/artifacts",
    )  # fmt: skip
    environment = {**S3, "MLFLOW_S3_ENDPOINT_URL": bucket.url, "ORDINIS_POLICY": str(policy)}
    with running(home / "server", options=options, **environment) as started:
        yield started


def new_database(folder, user):
    name = f"server_{os.urandom(6).hex()}"
    admin = sa.create_engine(f"postgresql+psycopg://{user}@/postgres?host={folder}")
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return name


@pytest.fixture
def client(server):
    """This process as a client that knows neither database nor bucket."""
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    mlflow.set_tracking_uri(server.url)
    mlflow.set_registry_uri(server.url)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's, of stages
        yield MlflowClient()
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


def registered(client, package, name):
    """The id of the logged model that is version 1."""
    run = client.create_run(client.create_experiment(name))
    with mlflow.start_run(run_id=run.info.run_id):
        return flavor.log_model(package, registered_model_name=name).model_id


def test_promoted_loaded_and_held_to_what_was_proven(client, server, bucket, small_package):
    model = registered(client, small_package, "desk")
    moved = client.transition_model_version_stage("desk", "1", "Production")
    assert moved.current_stage == "Production"
    assert client.get_model_version_by_alias("desk", "champion").version == "1"
    (decision,) = server.ask("GET", "/ordinis/ledger.json?model=desk").json["decisions"]
    assert [verdict["passed"] for verdict in decision["verdicts"]] == [True, True]
    assert flavor.load_model("models:/desk@champion").contract == small_package.contract

    # Past the server, with the bucket's own key: another package that is whole.
    manifest = bucket.key(model, "manifest.json")
    bucket.write(manifest, bucket.read(manifest) + b"\n")
    with pytest.raises(NotProven, match="desk version 1 is not what was promoted"):
        flavor.load_model("models:/desk@champion")


def test_through_the_server_artifacts_of_a_version_stay_what_they_are(
    client, server, bucket, small_package
):
    model = registered(client, small_package, "guarded")
    path = bucket.key(model, "model.onnx").removeprefix("artifacts/")
    assert server.put(path, b"another").status == 403
    assert server.get(path).status == 200


def test_a_package_that_was_changed_is_refused(client, bucket, small_package):
    model = registered(client, small_package, "changed")
    bucket.write(bucket.key(model, "model.onnx"), b"another")
    with pytest.raises(RestException, match="manifest FAILED"):
        client.transition_model_version_stage("changed", "1", "Production")
    assert client.get_model_version("changed", "1").current_stage == "None"
