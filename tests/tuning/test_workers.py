"""Several processes on one study, and one that is killed."""

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from contracts.optimiser_suite import ONE
from spaces import NESTED, SMALL

from ordinis_mlflow.errors import TrialLost
from ordinis_mlflow.tuning import Pulse, open_study, run_trials
from ordinis_mlflow.tuning.database import study_url
from ordinis_mlflow.tuning.heartbeat import Heartbeat
from ordinis_mlflow.tuning.quiet import quietly

SPACES = {"SMALL": SMALL, "NESTED": NESTED}
TESTS = str(Path(__file__).parents[1])
BEGIN = f"""
import json, sys, time
sys.path.insert(0, {TESTS!r})
from spaces import NESTED, SMALL
from ordinis_mlflow.tuning import Objective, Pulse, open_study, run_trials
"""
WORKER = """
def together():
    print("ready", flush=True)
    sys.stdin.readline()
def measure(suggestion, _):
    time.sleep(0.05)
    return {"score": float(suggestion.number)}
for line in sys.stdin:
    url, space, method, trials = json.loads(line)
    together()
    space = {"SMALL": SMALL, "NESTED": NESTED}[space]
    with open_study("s", space, [Objective("score")], url=url, method=method) as study:
        together()
        print(run_trials(study, measure, trials), flush=True)
"""
VICTIM = """
url = sys.stdin.readline().strip()
with open_study("s", SMALL, [Objective("score")], url=url, pulse=Pulse(1, 3)) as study:
    print(study.suggest().configuration.to_json(), flush=True)
    sys.stdin.readline()
"""


def start(code):
    command = [sys.executable, "-W", "ignore", "-c", BEGIN + code]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **pipes)


def tell(worker, line):
    worker.stdin.write(f"{line}\n")
    worker.stdin.flush()


@pytest.fixture(scope="module")
def workers():
    """Two processes for one study after the other."""
    started = [start(WORKER) for _ in "ab"]
    yield started
    for worker in started:
        worker.communicate(timeout=60)
    assert [worker.returncode for worker in started] == [0, 0]


@pytest.mark.parametrize(
    ("space", "method", "trials"), [("NESTED", "tpe", 24), ("SMALL", "random", 99)]
)
def test_two_workers_try_nothing_twice(workers, database, space, method, trials):
    for worker in workers:
        tell(worker, json.dumps([database, space, method, trials]))
    for _ in range(2):  # both make the tables, the study and its first trial; then both try
        for worker in workers:
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            tell(worker, "go")
    done = [int(worker.stdout.readline()) for worker in workers]
    with open_study("s", SPACES[space], ONE, url=database) as study:
        found = study.trials()
    assert len(found) == sum(done) == min(trials, 12 if space == "SMALL" else trials)
    assert len({trial.configuration for trial in found}) == len(found)
    assert {trial.state for trial in found} == {"complete"}
    assert min(done) > 0


def test_what_a_killed_worker_was_at_is_tried_again(database):
    victim = start(VICTIM)
    tell(victim, database)
    assert SMALL.defaults().to_json() == victim.stdout.readline().strip()
    with open_study("s", SMALL, ONE, url=database, pulse=Pulse(1, 3)) as study:
        other = study.suggest()
        assert other.configuration != SMALL.defaults()  # the victim still lives
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
        retry = until_retried(study)
        assert retry.configuration == SMALL.defaults()
        assert retry.retry_of == 0
        study.observe(retry, {"score": 5.0})
        study.observe(other, {"score": 1.0})  # its own heart beat all the while
        first = study.trials()[0]
        assert (first.state, first.reason) == ("failed", "its worker died")
        assert study.best()[0].configuration == retry.configuration
        run_trials(study, lambda s, _: {"score": 0.0}, 99)
        complete = [t.configuration for t in study.trials() if t.state == "complete"]
        assert len(complete) == len(set(complete)) == 12


def test_a_worker_that_was_seen_to_die_is_tried_again_at_once_and_once(database):
    with (
        open_study("s", SMALL, ONE, url=database, worker="victim") as victim,
        open_study("s", SMALL, ONE, url=database) as study,
    ):
        lost = victim.suggest()
        study.bury("another")
        other = study.suggest()
        assert other.configuration != lost.configuration
        study.bury("victim")
        study.bury("victim")
        with quietly():
            study.optuna.ask()  # whoever took it up died before it was claimed
        retry = study.suggest()
        assert (retry.configuration, retry.retry_of) == (lost.configuration, lost.number)
        study.bury("victim")  # it has another worker now
        study.observe(retry, {"score": 1.0})
        with pytest.raises(TrialLost, match="took it for dead"):
            victim.observe(lost, {"score": 1.0})
        states = [trial.state for trial in study.trials()]
        assert states == ["failed", "running", "failed", "complete"]


def test_an_open_trial_beats(tmp_path):
    url = f"sqlite:///{tmp_path}/m.db"
    with open_study("s", SMALL, ONE, url=url, pulse=Pulse(1, 3)) as study:
        study.suggest()
        engine = sa.create_engine(study_url(url))
        found = set()
        for _ in range(600):
            with engine.connect() as connection:
                found |= set(connection.execute(sa.text("SELECT heartbeat FROM trial_heartbeats")))
            if len(found) == 3:
                break
            time.sleep(0.05)
        engine.dispose()
    assert len(found) == 3


def test_a_heart_that_stumbles_beats_on(caplog):
    beats, enough = [], threading.Event()

    def beat(trial_id):
        beats.append(trial_id)
        if len(beats) == 4:
            enough.set()
        if len(beats) == 2:
            raise OSError("the database is away")

    heartbeat = Heartbeat(beat, 0.01)
    heartbeat.add(7)
    assert enough.wait(60)
    heartbeat.remove(7)
    heartbeat.close()
    assert set(beats) == {7}
    assert "no heartbeat for a trial" in caplog.text


def until_retried(study):
    """A dead worker is silent for three seconds before it is known."""
    for _ in range(300):
        suggestion = study.suggest(at_most=2)
        if suggestion is not None:
            return suggestion
        time.sleep(0.1)
    raise AssertionError("nobody noticed that a worker was killed")
