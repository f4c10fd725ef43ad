"""Many ask at once: one champion at every moment, and every answer is 200 or 409."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from mlflow.exceptions import MlflowException

REQUESTS = 50


def one_champion(facts):
    stages = [version for place, version in facts if place == "Production"]
    aliases = [version for place, version in facts if place == "@champion"]
    return stages == aliases and len(stages) == 1


def broken_in(database):
    from ordinis_mlflow.ledger import Ledger

    engine = sa.create_engine(f"sqlite:///{database}")
    found = Ledger(engine).verify()
    engine.dispose()
    return found


@contextlib.contextmanager
def watched(read):
    """Read again and again until the end of the block; everything that was seen."""
    seen, over = [], threading.Event()

    def watch():
        while not over.is_set():
            seen.append(read())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def test_fifty_requests_for_two_versions(server):
    versions = [server.register("m", "pass 0.1") for _ in range(3)]

    def ask(number):
        version = versions[1 + number % 2]
        if number % 4 < 2:
            path, body = "model-versions/transition-stage", {"stage": "Production"}
        else:
            path, body = "registered-models/alias", {"alias": "champion"}
        return server.post(path, {"name": "m", "version": version, **body}).status_code

    first = {"name": "m", "version": versions[0], "stage": "Production"}
    assert server.post("model-versions/transition-stage", first).status_code == 200
    with watched(lambda: server.facts("m")) as seen, ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(ask, range(REQUESTS)))
    assert set(answers) <= {200, 409}, answers
    assert answers.count(200) >= 1
    assert len(seen) > 20
    assert all(map(one_champion, seen))
    assert broken_in(server.database) == []


@pytest.fixture
def no_turns(monkeypatch):
    """Without the lock that spares work: the database alone decides."""
    monkeypatch.setattr(
        "ordinis_mlflow.registry.promotions.turn", lambda *_: contextlib.nullcontext()
    )


def test_the_database_alone_lets_one_through(opened, version, database, facts, no_turns):
    version(), version("pass 0.05"), version("pass 0.05")
    opened().transition_model_version_stage("m", 1, "Production", False)
    stores = [opened() for _ in range(4)]

    def ask(number):
        try:
            stores[number % 4].set_registered_model_alias("m", "champion", 2 + number % 2)
        except MlflowException as error:
            return error.get_http_status_code()
        return 200

    with watched(facts) as seen, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(24)))
    assert set(answers) == {200, 409}
    assert all(map(one_champion, seen))
    assert broken_in(database) == []


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda store: store.transition_model_version_stage("m", 3, "Production", False),
        lambda store: store.transition_model_version_stage("m", 1, "Archived", False),
        lambda store: store.transition_model_version_stage("m", 2, "Staging", False),
        lambda store: store.delete_registered_model_alias("m", "champion"),
        lambda store: store.set_registered_model_alias("m", "anything", 2),
        lambda store: store.delete_model_version("m", 2),
    ],
)
def test_what_was_judged_must_still_be_so(opened, version, monkeypatch, no_turns, meanwhile):
    from ordinis_mlflow.promotion import decide

    version(), version(), version()
    store, other, asked = opened(), opened(), []
    store.transition_model_version_stage("m", 1, "Production", False)

    def judging(candidate, policy):
        if not asked:
            asked.append(candidate)
            meanwhile(other)
        return decide(candidate, policy)

    monkeypatch.setattr("ordinis_mlflow.registry.judgement.decide", judging)
    with pytest.raises(MlflowException, match="changed meanwhile") as caught:
        store.transition_model_version_stage("m", 2, "Production", False)
    assert caught.value.get_http_status_code() == 409


def test_a_lock_that_cannot_be_had_stops_nobody(store, tmp_path, monkeypatch):
    """In a folder for all, somebody may have planted anything under its name."""
    import tempfile

    from ordinis_mlflow.registry.turn import turn

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "there is no such folder"))
    with turn("database", "workspace", "m"), turn("database", "workspace", "m"):
        pass


def test_one_model_is_judged_at_a_time_and_others_beside_it(opened, version, monkeypatch):
    from ordinis_mlflow.promotion import decide

    version(), version(), version(model="other")
    store, other, asked = opened(), opened(), []

    def judging(candidate, policy):
        if not asked:
            asked.append(candidate)
            other.transition_model_version_stage("other", 1, "Production", False)
            with pytest.raises(MlflowException, match="is being judged") as caught:
                other.transition_model_version_stage("m", 2, "Production", False)
            assert caught.value.get_http_status_code() == 409
        return decide(candidate, policy)

    monkeypatch.setattr("ordinis_mlflow.registry.judgement.decide", judging)
    store.transition_model_version_stage("m", 1, "Production", False)
    store.transition_model_version_stage("m", 2, "Production", False)
    assert [row.entry.model for row in store.ledger.decisions()] == ["m", "m", "other"]
