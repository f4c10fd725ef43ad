"""Who asked, as the ledger is told."""

import base64
import contextlib
import getpass
import sqlite3
import sys
from types import SimpleNamespace

import pytest
from asking import promote, rows


def test_who_is_the_user_of_the_system(store, version, monkeypatch):
    version()
    monkeypatch.setattr(getpass, "getuser", lambda: "trader")
    promote(store)
    assert rows(store)[-1].entry.who == "trader"


def test_who_without_an_entry_in_the_system(store, version, monkeypatch):
    def fail():
        raise KeyError("uid not found")

    version()
    monkeypatch.setattr(getpass, "getuser", fail)
    promote(store)
    assert rows(store)[-1].entry.who.startswith("uid ")


def test_with_users_the_authenticated_one_is_written(gates, monkeypatch):
    """As far as this process goes: MLflow's basic-auth app is asked who it is."""
    import flask
    from werkzeug.datastructures import Authorization

    from ordinis_mlflow.registry import caller

    auth = SimpleNamespace(
        _before_request=lambda: None,
        authenticate_request=lambda: Authorization("basic", {"username": "alice"}),
    )
    monkeypatch.setitem(sys.modules, "mlflow.server.auth", auth)
    app = flask.Flask("server")
    with app.test_request_context("/", environ_base={"REMOTE_ADDR": "10.0.0.1"}):
        assert caller.who() == "anonymous at 10.0.0.1"
    app.before_request(auth._before_request)
    with app.test_request_context("/"):
        assert caller.who() == "alice"


def test_a_user_of_the_server_is_written(new_server):
    pytest.importorskip("flask_wtf")
    password = "a long password"
    server = new_server(
        "--app-name", "basic-auth",
        MLFLOW_FLASK_SERVER_SECRET_KEY="secret", MLFLOW_AUTH_ADMIN_PASSWORD=password,
    )  # fmt: skip
    code = base64.b64encode(f"admin:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {code}"}
    server.register("m", headers=headers)
    body = {"name": "m", "version": "1", "stage": "Production"}
    path = "model-versions/transition-stage"
    assert server.post(path, body).status_code == 401
    assert server.post(path, body, headers=headers).status_code == 200
    with contextlib.closing(sqlite3.connect(server.database)) as connection:
        rows = connection.execute("SELECT action, who FROM ordinis_decisions").fetchall()
    assert rows == [("promote", "admin")]
