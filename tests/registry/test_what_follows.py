"""What follows from a decision: what the policy asks for, in this process and from a server."""

import json
import os
import threading
import time

import pytest
from receiver import SECRET, VARIABLE, Book, receiving

from ordinis_mlflow.plugins.registry_store import build

HOOK = """
[reactions.webhook]
url = "{url}"
secret_env = "{variable}"
"""
FILES = """
[reactions.notification]
folder = "{folder}"
actions = ["promote", "rollback", "break_glass"]
"""


@pytest.fixture
def receiver():
    with receiving() as started:
        yield started


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "told"


@pytest.fixture
def follows(policy, tmp_path, monkeypatch, folder):
    """Have a policy that asks for both reactions."""
    monkeypatch.setenv(VARIABLE, SECRET)

    def call(url):
        more = HOOK.format(url=url, variable=VARIABLE) + FILES.format(folder=folder)
        file = tmp_path / "following.toml"
        file.write_text(policy.read_text() + more)
        monkeypatch.setenv("ORDINIS_POLICY", str(file))
        return file

    return call


def promote(store, version, model="m"):
    store.transition_model_version_stage(model, version, "Production", False)


def refused(store, version):
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException):
        promote(store, version)


def waiting(database):
    return Book(f"sqlite:///{database}").outbox.waiting()


def until(true, seconds=20.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_told_when_the_promotion_returns(store, version, follows, receiver, folder, database):
    follows(receiver.url)
    version(), version("fail")
    promote(store, 1)
    refused(store, 2)
    assert [each.json["action"] for each in receiver.heard] == ["promote", "refuse"]
    assert all(each.genuine for each in receiver.heard)
    assert os.listdir(folder) == ["1-promote.json"]
    told = json.loads((folder / "1-promote.json").read_text())
    assert told == receiver.heard[0].json
    assert told["hash"] == store.ledger.decision(1).hash
    assert waiting(database) == 0


def test_nothing_follows_without_a_table(store, version, database):
    version()
    promote(store, 1)
    assert Book(f"sqlite:///{database}").attempts() == []
    assert store.deliverer._thread is None


def test_nothing_follows_from_what_was_undone(store, version, follows, receiver, monkeypatch):
    follows(receiver.url)
    version()
    monkeypatch.setattr("ordinis_mlflow.registry.change.mirror", lambda *_: 1 / 0)
    refused(store, 1)
    time.sleep(0.1)
    assert receiver.heard == []


def test_a_slow_receiver_delays_a_promotion_by_two_seconds(store, version, follows, receiver):
    follows(receiver.url)
    receiver.hold = threading.Event()
    version()
    began = time.monotonic()
    promote(store, 1)
    assert 1.9 < time.monotonic() - began < 8.0
    receiver.hold.set()
    assert store.deliverer.stop()


def test_what_another_process_left_follows_with_the_next(store, version, follows, database, folder):
    with receiving() as receiver:
        port = receiver.port
    follows(receiver.url)
    version(), version()
    promote(store, 1)
    store.deliverer.stop()
    assert waiting(database) == 1
    time.sleep(1.1)
    with receiving(port) as receiver:
        again = build(f"ordinis+sqlite:///{database}", f"sqlite:///{database}")
        promote(again, 2)
        assert {each.json["number"] for each in receiver.heard} == {1, 2}
        again.engine.dispose()
    assert sorted(os.listdir(folder)) == ["1-promote.json", "2-promote.json"]


def test_a_server_that_was_killed_delivers_when_it_is_back(new_server, follows, folder):
    with receiving() as receiver:
        port = receiver.port
    options = {"ORDINIS_POLICY": str(follows(receiver.url)), VARIABLE: SECRET}
    server = new_server("--app-name", "ordinis", **options)
    body = {"name": "m", "version": server.register("m"), "stage": "Production"}
    began = time.monotonic()
    assert server.post("model-versions/transition-stage", body).status_code == 200
    assert time.monotonic() - began < 8.0
    book = Book(f"sqlite:///{server.database}")
    until(lambda: book.outbox.waiting() == 1 and "did not answer" in book.attempts()[0][2])
    server.kill()
    assert os.listdir(folder) == ["1-promote.json"]
    with receiving(port) as receiver:
        server.start()
        until(lambda: receiver.heard)
        until(lambda: waiting(server.database) == 0)
        assert len(set(receiver.keys)) == 1
        assert receiver.heard[0].json["version"] == body["version"]
    assert os.listdir(folder) == ["1-promote.json"]
    log = (server.folder / "server.log").read_text()
    assert "reaction webhook to decision 1 failed (attempt 1): http://127.0.0.1" in log
    assert SECRET not in log
