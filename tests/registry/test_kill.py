"""kill -9 at every step of a promotion: afterwards everything has happened, or nothing."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

WORKER = Path(__file__).with_name("kill_worker.py")
STEPS = 60
"""More than a promotion has statements."""
BEFORE = {
    "stages": [[1, "Production"], [2, "None"]],
    "aliases": [["champion", 1]],
    "decisions": [["promote", "1"]],
    "outbox": [["bell", 1]],
    "mirrored": [[1]],
}
AFTER = {
    "stages": [[1, "Archived"], [2, "Production"]],
    "aliases": [["champion", 2]],
    "decisions": [["promote", "1"], ["promote", "2"]],
    "outbox": [["bell", 1], ["bell", 2]],
    "mirrored": [[1], [2]],
}


@pytest.fixture
def killed(store, version, database, policy, environment, tmp_path, monkeypatch):
    """One record for each step at which a promotion was killed, and for the whole one."""
    bell = f'[reactions.bell]\nkind = "notification"\nfolder = "{tmp_path / "told"}"\n'
    file = tmp_path / "policy.toml"
    file.write_text(policy.read_text() + bell)
    monkeypatch.setenv("ORDINIS_POLICY", str(file))
    version(), version()
    store.transition_model_version_stage("m", 1, "Production", False)
    store.engine.dispose()
    done = subprocess.run(
        [sys.executable, WORKER, database, str(STEPS)],
        env=environment | {"ORDINIS_POLICY": str(file)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_killed_before_every_statement(killed, database):
    """Which are those of MLflow's registry, of the ledger, of the outbox and of the mirror."""
    import sqlalchemy as sa

    from ordinis_mlflow.ledger import Ledger

    *partial, whole = [{name: each[name] for name in BEFORE} for each in killed]
    statuses = [each["status"] for each in killed]
    assert len(killed) > 20
    assert (set(statuses[:-1]), statuses[-1]) == ({9}, 0)
    assert whole == AFTER
    # Those at the end were killed while the answer was read, after the commit.
    done = next(i for i, each in enumerate(partial) if each != BEFORE)
    assert done > 20
    assert all(each == AFTER for each in partial[done:])
    for each in killed:
        engine = sa.create_engine(f"sqlite:///{database}-{each['step']}")
        assert Ledger(engine).verify() == []
        engine.dispose()


def test_a_server_that_is_killed_while_it_judges(new_server):
    server = new_server()
    server.register("m"), server.register("m", "pass 20")
    body = {"name": "m", "version": "1", "stage": "Production"}
    assert server.post("model-versions/transition-stage", body).status_code == 200
    asked = threading.Thread(target=lambda: _ask(server, {**body, "version": "2"}))
    asked.start()
    time.sleep(2.0)
    server.kill()
    asked.join()
    server.start()
    assert server.facts("m") == [("@champion", 1), ("Production", 1)]
    third = server.register("m")
    answer = server.post("model-versions/transition-stage", {**body, "version": third})
    assert answer.status_code == 200, answer.text
    assert server.facts("m") == [("@champion", 3), ("Production", 3)]


def _ask(server, body):
    with pytest.raises(requests.ConnectionError):
        server.post("model-versions/transition-stage", body)
