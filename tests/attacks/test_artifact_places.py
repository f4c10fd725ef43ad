"""Attempts to send artifacts, or a version's source, to a place of the client's own choice."""

import json

import pytest
from tracking_server import Victim, running

PROXY = "/api/2.0/mlflow-artifacts"
API = "/api/2.0/mlflow"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("guarded")) as started:
        yield started


@pytest.fixture(scope="module")
def victim(server):
    return Victim(server, "victim").register()


OUTSIDE = [
    "file:///etc", "/etc", "s3://elsewhere/x", "FILE:///etc", "file:/etc", "file://localhost/etc",
    "mlflow-artifacts:/../x", "mlflow-artifacts:/%2e%2e/x", "mlflow-artifacts:/a/%252e%252e/x",
    "https://elsewhere.example/x", "relative/folder", "hdfs://host/x", "dbfs:/x", "%2Fetc",
]  # fmt: skip


@pytest.mark.parametrize("uri", OUTSIDE)
@pytest.mark.parametrize("name", ["artifact_location", "artifactLocation"])
def test_an_experiment_keeps_its_artifacts_where_the_server_does(server, uri, name):
    asked = {"name": f"outside {uri} {name}", name: uri}
    answer = server.ask("POST", f"{API}/experiments/create", asked)
    assert answer.status in (400, 403), answer.body


@pytest.mark.parametrize("inside", ["mlflow-artifacts:/mine", "mlflow-artifacts:/a%20b/c", ""])
def test_a_place_inside_is_a_clients_to_choose(server, inside):
    asked = {"name": f"inside {inside}", "artifact_location": inside}
    assert server.ask("POST", f"{API}/experiments/create", asked).status == 200


def test_a_place_below_registered_artifacts_is_not(server, victim):
    for below in ("", "/deeper"):
        asked = {"name": f"below{below}", "artifact_location": f"mlflow-artifacts:/{victim.folder}"}
        answer = server.ask("POST", f"{API}/experiments/create", asked)
        assert (answer.status, "victim/" in answer.text) == (403, True)


def test_odd_json_is_read_as_mlflow_reads_it(server):
    asked = json.dumps({"name": "twice", "artifact_location": "file:///etc"})
    kind = {"Content-Type": "application/json"}
    for body in (json.dumps(asked), asked.encode("utf-16"), asked.replace("/", "\\/")):
        body = body.encode() if isinstance(body, str) else body
        assert server.ask("POST", f"{API}/experiments/create", body, kind).status in (400, 403)
    for value in (["file:///etc"], {"a": 1}):
        asked = {"name": "list", "artifact_location": value}
        assert server.ask("POST", f"{API}/experiments/create", asked).status == 400


@pytest.mark.parametrize("source", OUTSIDE)
def test_a_version_has_its_source_where_the_server_keeps_artifacts(server, victim, source):
    asked = {"name": "victim", "source": source, "run_id": victim.run}
    assert server.ask("POST", f"{API}/model-versions/create", asked).status in (400, 403)
