"""Attempts to change, delete or redirect the artifacts of a registered version over HTTP."""

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


@pytest.fixture(scope="module")
def free(server):
    """The same, not registered."""
    return Victim(server, "free")


WRITES = {
    "put": lambda v: ("PUT", f"{PROXY}/artifacts/{v.path}", b"evil"),
    "put a new file": lambda v: ("PUT", f"{PROXY}/artifacts/{v.folder}/more.bin", b"evil"),
    "put into the run": lambda v: ("PUT", f"{PROXY}/artifacts/{v.run_path}", b"evil"),
    "upload-artifact": lambda v: (
        "POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={v.run}&path=old/weights.bin",
        b"evil",
    ),
    "parts": lambda v: ("POST", f"{PROXY}/mpu/create/{v.folder}", {"path": "weights.bin"}),
    "parts from above": lambda v: (
        "POST", f"{PROXY}/mpu/create/{v.folder.rpartition('/')[0]}", {"path": "artifacts"},
    ),
    "end parts": lambda v: (
        "POST", f"{PROXY}/mpu/complete/{v.folder}", {"path": "weights.bin", "upload_id": "1"},
    ),
    "drop parts": lambda v: (
        "POST", f"{PROXY}/mpu/abort/{v.folder}", {"path": "weights.bin", "upload_id": "1"},
    ),
    "presigned, model": lambda v: (
        "POST", f"{API}/artifacts/presigned-upload-url",
        {"model_id": v.model, "path": "weights.bin"},
    ),
    "presigned, run": lambda v: (
        "POST", f"{API}/artifacts/presigned-upload-url",
        {"runId": v.run, "path": "old/weights.bin"},
    ),
    "delete the model": lambda v: ("DELETE", f"{API}/logged-models/{v.model}", None),
    "delete the run": lambda v: ("POST", f"{API}/runs/delete", {"run_id": v.run}),
    "delete the experiment": lambda v: (
        "POST", f"{API}/experiments/delete", {"experiment_id": v.experiment},
    ),
    "delete a file": lambda v: ("DELETE", f"{PROXY}/artifacts/{v.path}", None),
    "delete the folder": lambda v: ("DELETE", f"{PROXY}/artifacts/{v.folder}", None),
    "delete from above": lambda v: ("DELETE", f"{PROXY}/artifacts/{v.experiment}", None),
}  # fmt: skip
"""In an order in which each finds something to change where nothing is registered."""


@pytest.mark.parametrize("api", ["/api/", "/ajax-api/"])
@pytest.mark.parametrize("write", WRITES)
def test_what_is_registered_is_not_changed(server, victim, write, api):
    method, path, body = WRITES[write](victim)
    answer = server.ask(method, path.replace("/api/", api, 1), body)
    assert answer.status == 403, answer.body
    assert answer.json["error_code"] == "PERMISSION_DENIED"
    assert "registered model version victim/" in answer.json["message"]
    assert "\n" not in answer.json["message"]
    assert victim.files() == [b"proven", b"proven"]


@pytest.mark.parametrize("write", WRITES)
def test_what_is_not_registered_is_mlflows_business(server, free, victim, write):
    method, path, body = WRITES[write](free)
    answer = server.ask(method, path, body)
    # an upload in parts or to a signed URL is not for this storage, as MLflow says itself
    theirs = {"parts": (501, 400), "presigned": (400,)}
    wanted = [s for word, codes in theirs.items() if word in write for s in codes] or [200]
    assert answer.status in wanted, answer.body


def spellings(path):
    head, _, name = path.rpartition("/")
    first, _, rest = path.partition("/")
    yield from (
        f"{head}/./{name}", f"{head}//{name}", f"./{path}", f"{first}/x/../{rest}",
        f"{first}/x/%2e%2e/{rest}", f"{first}/x/%252e%252e/{rest}", path.replace("/", "%2F"),
        path.replace("/", "%252F"), path.replace("/", "%25252F"), path.replace("/", "%5C"),
        path.replace("models", "%6dodels"), path.replace("models", "%256dodels"),
        path.replace("models", "MODELS"), path.replace("artifacts", "Artifacts"),
        f"file:{path}", f"file%3A{path}", f"file%253A{path}", f"{path};", f"{path}%3F",
        f"{path}%253F", f"{path}/", f"{path}%00", f"{path}%0a", f"{path}?x=1", f"/{path}",
        f"workspaces/default/{path}", f"{head}/%2e/{name}",
    )  # fmt: skip


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("which", ["path", "run_path"])
@pytest.mark.parametrize("number", range(27))
def test_no_spelling_is_a_way_round(server, victim, method, which, number):
    path = list(spellings(getattr(victim, which)))[number]
    answer = server.ask(method, f"{PROXY}/artifacts/{path}", b"evil")
    assert answer.status in (200, 308, 400, 403, 404, 500), answer.body
    assert victim.files() == [b"proven", b"proven"]
    if answer.status == 200:  # another place: MLflow has no folder of workspaces here
        assert path.startswith("workspaces/") or "models" not in path


@pytest.mark.parametrize("tail", ["", "/", ".", "./", "%2e", "%252e", "file:.", "file:"])
def test_the_whole_root_is_not_deleted(server, victim, tail):
    server.ask("DELETE", f"{PROXY}/artifacts/{victim.experiment}/{tail}")
    assert server.ask("DELETE", f"{PROXY}/artifacts/{tail}").status >= 400
    assert victim.files() == [b"proven", b"proven"]


@pytest.mark.parametrize("path", ["/{}/artifacts", "{}//artifacts", "//x{}/artifacts"])
def test_slashes_before_the_route_are_no_way_round(server, victim, path):
    assert server.ask("PUT", f"{path.format(PROXY)}/{victim.path}", b"evil").status >= 300
    assert victim.files() == [b"proven", b"proven"]


@pytest.mark.parametrize("query", [
    "run_uuid={run}&path=old%2Fweights.bin", "run_uuid={run}&path=old%252Fweights.bin",
    "run_uuid={run}&path=other&path=old/weights.bin", "path=old/./weights.bin&run_uuid={run}",
    "run_uuid={run}&path=file:old/weights.bin", "run_uuid={run}&path=OLD/weights.bin",
    "run_uuid={run}&run_uuid=x&path=old/weights.bin", "run%5Fuuid={run}&path=old/weights.bin",
])  # fmt: skip
def test_the_uploads_query_is_read_as_mlflow_reads_it(server, victim, query):
    path = f"/ajax-api/2.0/mlflow/upload-artifact?{query.format(run=victim.run)}"
    assert server.ask("POST", path, b"evil").status == (400 if "file:" in query else 403)
    assert victim.files() == [b"proven", b"proven"]


def test_downloads_are_untouched(server, victim):
    assert server.get(victim.path).body == b"proven"
    listed = server.ask("GET", f"{PROXY}/artifacts?path={victim.folder}")
    assert [one["path"] for one in listed.json["files"]] == ["weights.bin"]
    assert server.ask("HEAD", f"{PROXY}/artifacts/{victim.path}").status in (200, 405)


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
