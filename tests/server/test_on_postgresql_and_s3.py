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

    def key(self, end):
        """Of the one file whose name ends so."""
        files = self.client.list_objects_v2(Bucket=self.name)["Contents"]
        (found,) = (each["Key"] for each in files if each["Key"].endswith(end))
        return found

    def read(self, key):
        return self.client.get_object(Bucket=self.name, Key=key)["Body"].read()

    def write(self, key, content):
        self.client.put_object(Bucket=self.name, Key=key, Body=content)


@pytest.fixture
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


@pytest.fixture
def server(tmp_path, bucket, request):
    folder, user = request.getfixturevalue("postgres")
    url = f"postgresql+psycopg://{user}@/{new_database(folder, user)}?host={folder}"
    policy = tmp_path / "policy.toml"
    policy.write_text(SOUND)
    options = (
        "--backend-store-uri", url, "--registry-store-uri", f"ordinis+{url}",
        "--artifacts-destination", f"s3://{bucket.name}/artifacts",
    )  # fmt: skip
    environment = {**S3, "MLFLOW_S3_ENDPOINT_URL": bucket.url, "ORDINIS_POLICY": str(policy)}
    with running(tmp_path / "server", options=options, **environment) as started:
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


def registered(client, package):
    run = client.create_run(client.create_experiment("desk"))
    with mlflow.start_run(run_id=run.info.run_id):
        info = flavor.log_model(package, registered_model_name="desk")
    return info


def test_promoted_loaded_and_held_to_what_was_proven(client, server, bucket, small_package):
    registered(client, small_package)
    moved = client.transition_model_version_stage("desk", "1", "Production")
    assert moved.current_stage == "Production"
    assert client.get_model_version_by_alias("desk", "champion").version == "1"
    (decision,) = server.ask("GET", "/ordinis/ledger.json").json["decisions"]
    assert [verdict["passed"] for verdict in decision["verdicts"]] == [True, True]
    assert flavor.load_model("models:/desk@champion").contract == small_package.contract

    # Past the server, with the bucket's own key: another package that is whole.
    manifest = bucket.key("manifest.json")
    bucket.write(manifest, bucket.read(manifest) + b"\n")
    with pytest.raises(NotProven, match="desk version 1 is not what was promoted"):
        flavor.load_model("models:/desk@champion")


def test_through_the_server_artifacts_of_a_version_stay_what_they_are(
    client, server, bucket, small_package
):
    registered(client, small_package)
    path = bucket.key("model.onnx").removeprefix("artifacts/")
    assert server.put(path, b"another").status == 403
    assert server.get(path).status == 200


def test_a_package_that_was_changed_is_refused(client, bucket, small_package):
    registered(client, small_package)
    bucket.write(bucket.key("model.onnx"), b"another")
    with pytest.raises(RestException, match="manifest FAILED"):
        client.transition_model_version_stage("desk", "1", "Production")
    assert client.get_model_version("desk", "1").current_stage == "None"
