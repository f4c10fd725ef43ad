"""Every route of MLflow that is no read was judged: a new one fails here until it is, too."""

from pathlib import Path

import pytest

from ordinis_mlflow.server.routes import READS, Kind, change_of

LISTED = Path(__file__).with_name("write_routes.txt")
"""``METHOD path KIND`` a line; KIND is - where no artifact can change, for /api/ and /ajax-api/."""


@pytest.fixture(scope="module")
def routes():
    """(method, path) of every writing route, of both routers, with /ajax-api written as /api."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.server import app as flask_app
        from mlflow.server.fastapi_app import create_fastapi_app
    found = {
        (method, str(rule)) for rule in flask_app.url_map.iter_rules() for method in rule.methods
    }
    for included in create_fastapi_app(flask_app).router.routes:
        native = getattr(included, "effective_route_contexts", lambda: ())()
        found |= {(method, route.path) for route in native for method in route.methods}
    return {
        (method, path.replace("/ajax-api/", "/api/"))
        for method, path in found
        if method not in READS
    }


def listed():
    lines = LISTED.read_text(encoding="utf-8").splitlines()
    return {(m, p): kind for m, p, kind in (line.split() for line in lines if line)}


def concrete(path):
    """A path as a request has it."""
    for start, end in ("<>", "{}"):
        while start in path:
            head, _, rest = path.partition(start)
            path = head + "x1" + rest.partition(end)[2]
    return path


def test_mlflow_has_the_writing_routes_that_were_judged(routes):
    assert routes == listed().keys()


@pytest.mark.parametrize("route", listed(), ids=" ".join)
@pytest.mark.parametrize("api", ["/api/", "/ajax-api/", "/prefix/api/"])
def test_the_guard_sees_each_as_listed(route, api):
    method, path = route
    change = change_of(method, concrete(path).replace("/api/", api))
    assert (change.kind.name if change else "-") == listed()[route]


def test_every_kind_of_change_has_a_route():
    assert {kind.name for kind in Kind} - {"PROXY_UNKNOWN"} == set(listed().values()) - {"-"}


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT", "MOVE"])
def test_an_unknown_writing_route_of_the_proxy_is_seen(method):
    for path in ("", "/", "/copy/1/x", "/artifactz/1", "/mpu", "/presigned/1/x"):
        change = change_of(method, f"/api/2.0/mlflow-artifacts{path}")
        assert change is not None
        assert change.kind is Kind.PROXY_UNKNOWN


@pytest.mark.parametrize("method", sorted(READS))
def test_reads_are_none_of_its_business(method):
    assert change_of(method, "/api/2.0/mlflow-artifacts/artifacts/1/x") is None
