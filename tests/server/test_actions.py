"""Promote and roll back over HTTP: what is taken, what is refused, and with which status."""

import json

import pytest
from asgi import ask
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, RESOURCE_CONFLICT
from starlette.applications import Starlette
from starlette.routing import Mount


class Store:
    """Stands for the gated store: keeps what it was asked, answers as it is told."""

    def __init__(self, error=None):
        self.asked, self.error = [], error

    def promote(self, **said):
        return self._answer("promote", said)

    def rollback(self, **said):
        return self._answer("rollback", said)

    def _answer(self, action, said):
        if self.error:
            raise self.error
        self.asked.append((action, said))
        return Version()


class Version:
    name, version, current_stage, aliases = "sp500", "2", "Production", ["champion"]


@pytest.fixture
def store(monkeypatch, tracking_store):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ordinis_mlflow.server import actions
    made = Store()
    monkeypatch.setattr(actions, "_get_model_registry_store", lambda: made)
    return made


@pytest.fixture
def access(store):
    from flask import Flask

    from ordinis_mlflow.server.access import OpenAccess

    return OpenAccess(Flask("test"))


def post(access, path, said, **headers):
    from ordinis_mlflow.server.site import OWN, site

    app = Starlette(routes=[Mount(OWN, site(lambda: None, access))])
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    named = {"content-type": "application/json"} | headers
    return ask(app, f"{OWN}/{path}", "POST", body, named.items())


PROMOTE = {"name": "sp500", "version": "2", "target": "Production", "reason": "r", "key": "k"}
ROLLBACK = {"name": "sp500", "version": 2, "reason": "r"}


def test_the_stores_methods_are_called(store, access):
    answer = post(access, "promote", PROMOTE)
    assert answer.json == {
        "name": "sp500", "version": "2", "current_stage": "Production", "aliases": ["champion"],
    }  # fmt: skip
    assert post(access, "rollback", ROLLBACK).status == 200
    assert store.asked == [("promote", PROMOTE), ("rollback", ROLLBACK | {"version": "2"})]


@pytest.mark.parametrize(("code", "status"), [(PERMISSION_DENIED, 403), (RESOURCE_CONFLICT, 409)])
def test_a_refusal_keeps_its_status_and_words(store, access, code, status):
    store.error = MlflowException("gate latency FAILED", error_code=code)
    answer = post(access, "promote", PROMOTE)
    assert answer.status == status
    assert answer.json["message"] == "gate latency FAILED"


@pytest.mark.parametrize(
    "said",
    [b"", b"{", b"[]", b"[" * 5000, {}, {"name": "x"}, PROMOTE | {"force": True},
     PROMOTE | {"version": [1]}, PROMOTE | {"reason": None}],
)  # fmt: skip
def test_what_makes_no_sense_is_a_bad_request(store, access, said):
    answer = post(access, "promote", said)
    assert answer.status == 400
    assert answer.json["error_code"] == "INVALID_PARAMETER_VALUE"
    assert store.asked == []


def test_a_page_of_another_site_moves_nothing(store, access):
    assert post(access, "promote", PROMOTE, origin="https://evil.example").status == 403
    assert post(access, "promote", PROMOTE, **{"content-type": "text/plain"}).status == 415
    assert post(access, "promote", b"x" * 100_000).status == 413
    assert store.asked == []
    assert post(access, "promote", PROMOTE, origin="http://testserver").status == 200


def test_only_who_may_manage_the_model(store, access, monkeypatch):
    monkeypatch.setattr(access, "may_manage", lambda request, model: model != "sp500")
    assert post(access, "promote", PROMOTE).status == 403
    monkeypatch.setattr(access, "user", lambda request: None)
    assert post(access, "promote", PROMOTE).status == 401
    assert store.asked == []


def test_a_registry_without_gates_says_so(store, access, monkeypatch):
    from ordinis_mlflow.server import actions

    monkeypatch.setattr(actions, "_get_model_registry_store", lambda: object())
    answer = post(access, "promote", PROMOTE)
    assert answer.status == 400
    assert "ordinis+sqlite" in answer.json["message"]
