"""The guard's rules for storage, workspaces and databases that the running servers do not have."""

import json

import pytest
from sqlalchemy import create_engine

from ordinis_mlflow.server.places import Places
from ordinis_mlflow.server.routes import Change, Kind

BUCKET = "s3://bucket/root"
PROXIED = "1/models/m-1/artifacts"


@pytest.fixture(scope="module")
def rooms(tracking_store):
    """Modules that bring MLflow's server with them."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ordinis_mlflow.server import asked, guard, ownership, registered, rules
    return type("Rooms", (), {"a": asked, "g": guard, "o": ownership, "d": registered, "r": rules})


class Roots:
    """Stands for the database: one registered version, one run and one model in the bucket."""

    def __init__(self, rooms):
        place = Places(BUCKET).of_proxied(PROXIED)
        owned = rooms.o.Owned("m/1", "blue", place, frozenset({"r1"}), frozenset({"m-1"}))
        self._index = rooms.d.Index.of([owned])

    def index(self):
        return self._index

    def artifact_root(self, kind, key):
        return {"m-1": f"{BUCKET}/{PROXIED}", "r2": f"{BUCKET}/1/r2/artifacts"}.get(key)


@pytest.fixture
def judge(rooms):
    made = rooms.r.Rules(Roots(rooms), Places(BUCKET), [BUCKET, "s3://second/further"])

    def judged(kind, key="", **body):
        asked = rooms.a.Asked(Change(kind, key), {}, json.dumps(body).encode())
        try:
            made.judge(asked)
        except rooms.a.Refused as refused:
            return refused.code, str(refused)
        return None

    return judged


def test_signed_urls(judge):
    assert "m/1" in judge(Kind.PRESIGN, model_id="m-1", path="weights.bin")[1]
    assert judge(Kind.PRESIGN, run_id="r2", path="weights.bin") is None
    up = "../../models/m-1/artifacts/x"
    assert judge(Kind.PRESIGN, run_id="r2", path=up)[0] == "INVALID_PARAMETER_VALUE"


def test_parts_of_an_upload(judge):
    for folder in (PROXIED, f"{PROXIED}/sub", "1/models/m-1"):
        assert "m/1" in judge(Kind.PROXY_PART, folder, path="artifacts")[1]
    assert judge(Kind.PROXY_PART, "1/models", path="other") is None
    assert judge(Kind.PROXY_PART, "1/models/m-2/artifacts", path="weights.bin") is None


@pytest.mark.parametrize(
    "uri", ["s3://bucket/root/x", "s3://second/further", "mlflow-artifacts:/x"]
)
def test_allowed_roots(judge, uri):
    assert judge(Kind.CHOOSE_EXPERIMENT_ROOT, artifact_location=uri) is None
    assert judge(Kind.CHOOSE_WORKSPACE_ROOT, default_artifact_root=uri) is None


@pytest.mark.parametrize("uri", ["s3://bucket/rooted", "s3://bucket", "s3://Second/further", "/x"])
def test_other_roots(judge, uri):
    for body in (
        {"default_artifact_root": uri}, {"defaultArtifactRoot": uri},
        {"trace_archival_config": {"location": uri}},
    ):  # fmt: skip
        assert judge(Kind.CHOOSE_WORKSPACE_ROOT, **body)[0] == "PERMISSION_DENIED"
    assert "ORDINIS_ARTIFACT_ROOTS" in judge(Kind.CHOOSE_EXPERIMENT_ROOT, artifact_location=uri)[1]


def test_a_workspace_with_a_version_stays(judge):
    assert "m/1" in judge(Kind.DELETE_WORKSPACE, "blue")[1]
    assert judge(Kind.DELETE_WORKSPACE, "green") is None


@pytest.mark.parametrize("source", ["s3://bucket/root", "s3://bucket/root/", "mlflow-artifacts:/"])
def test_all_artifacts_at_once_are_no_source(judge, source):
    assert "all that this server keeps" in judge(Kind.CHOOSE_SOURCE, source=source)[1]


@pytest.mark.parametrize("source", ["models:/m/1", "models:/m@champion", "runs:/unknown/x"])
def test_sources_that_mlflow_resolves_itself(judge, source):
    assert judge(Kind.CHOOSE_SOURCE, source=source) is None


def test_a_run_that_was_given_another_place_before_is_no_source(rooms, judge):
    assert judge(Kind.CHOOSE_SOURCE, source="runs:/r2/model") is None
    rules = rooms.r.Rules(Roots(rooms), Places(BUCKET), ["s3://second"])
    asked = rooms.a.Asked(Change(Kind.CHOOSE_SOURCE), {}, b'{"source": "runs:/r2/model"}')
    with pytest.raises(rooms.a.Refused, match="outside the places"):
        rules.judge(asked)


def test_workspaces_are_read_as_the_proxy_reads_them(judge, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    from mlflow.utils.workspace_context import WorkspaceContext

    with WorkspaceContext("blue"):
        assert judge(Kind.PROXY_WRITE, f"{PROXIED}/x") is None  # workspaces/blue/1/...
        assert judge(Kind.PROXY_WRITE, "workspaces/green/x")[0] == "INVALID_PARAMETER_VALUE"
    with WorkspaceContext("default"):
        assert "m/1" in judge(Kind.PROXY_WRITE, f"{PROXIED}/x")[1]


def test_a_database_that_does_not_answer_refuses(rooms, tmp_path, caplog):
    engine = create_engine(f"sqlite:///{tmp_path / 'none' / 'gone.db'}")
    places = Places(BUCKET)
    registered = rooms.d.RegisteredPlaces(lambda: engine, lambda: engine, places)
    guard = rooms.g.ArtifactGuard(None, lambda: rooms.r.Rules(registered, places, [BUCKET]))
    with pytest.raises(rooms.a.Refused, match="leaves them as they are"):
        guard._judge(rooms.a.Asked(Change(Kind.PROXY_WRITE, "1/x"), {}))
    engine.dispose()


def test_where_clients_may_keep_artifacts(rooms, monkeypatch):
    from ordinis_mlflow.server.stores import allowed_roots

    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", "mlflow-artifacts:/")
    monkeypatch.setenv("_MLFLOW_SERVER_SERVE_ARTIFACTS", "true")
    assert allowed_roots() == ["mlflow-artifacts:/"]
    monkeypatch.setenv("ORDINIS_ARTIFACT_ROOTS", "s3://a/b, ,/srv/c")
    assert allowed_roots() == ["mlflow-artifacts:/", "s3://a/b", "/srv/c"]


@pytest.mark.parametrize("name", ["gunicorn", "waitress", None])
def test_a_server_on_which_the_guard_would_not_see_all_does_not_start(rooms, monkeypatch, name):
    from ordinis_mlflow.errors import InvalidConfig
    from ordinis_mlflow.server.app import plain_app

    monkeypatch.setenv("_MLFLOW_SGI_NAME", name or "uvicorn")
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACTS_ONLY", "true")
    with pytest.raises(InvalidConfig, match="--gunicorn-opts" if name else "--artifacts-only"):
        plain_app(None)
