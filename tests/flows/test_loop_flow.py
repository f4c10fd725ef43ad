"""The loop: rounds, pauses, errors, signals; and once from the check to the gates' decision."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict

import mlflow
import pytest
import retrained
from mlflow import MlflowClient
from own_store import words
from retrained import KEY, desk_of, versions

from flows import loop as loop_flow
from flows import monitor, train
from flows.loop import LONGEST_PAUSE_S, LoopOptions, loop, pause, stopped_by_signals
from ordinis_mlflow.bars import read_dataset
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.retraining import COOL_DOWN

MODEL = "looped"


@pytest.fixture(scope="module")
def gated(tracking_store, tmp_path_factory):
    """Gates that let a challenger pass which loses less than 5 nats a decision."""
    policy = retrained.POLICY.replace("margin = 0.0", "margin = 5.0")
    with retrained.gated(tmp_path_factory.mktemp("looped"), policy) as folder:
        yield folder


def rounds(outcomes, stop=None, **options):
    """Run the loop over outcomes: a text, or an error; how many failed."""
    left = list(outcomes)

    def once():
        found = left.pop(0)
        if not left and stop:
            stop.set()
        if isinstance(found, Exception):
            raise found
        return found

    asked = {"interval": 0.01, "act": False, **options}
    return loop(once, LoopOptions(**asked), stop or threading.Event())


def test_a_line_a_round(capsys):
    assert rounds(["calm", "warned"], rounds=2) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [re.sub(r", .* s:", ":", line) for line in lines] == ["round 1: calm", "round 2: warned"]


def test_an_error_ends_its_round_and_is_counted_in_one_line(capsys):
    errors = [ValueError("first\nline"), OSError("gone")]
    assert rounds([errors[0], "calm", errors[1], "calm"], rounds=4) == 2
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[0].endswith("FAILED (1 so far): ValueError: first line")
    assert lines[2].endswith("FAILED (2 so far): OSError: gone")


def test_pauses_grow_with_errors_in_a_row():
    assert [pause(60.0, row) for row in (0, 1, 2, 5)] == [60, 120, 240, 1920]
    assert pause(60.0, 10_000) == LONGEST_PAUSE_S


def test_a_loop_that_is_stopped_ends_after_its_round_and_without_a_pause(capsys):
    began = time.monotonic()
    assert rounds(["one", "two"], threading.Event(), interval=LONGEST_PAUSE_S / 2**20) == 0
    assert rounds(["last"], threading.Event(), interval=LONGEST_PAUSE_S) == 0
    assert time.monotonic() - began < 60
    assert len(capsys.readouterr().out.splitlines()) == 3


@pytest.mark.parametrize(
    "wrong", [{"interval": 0.0}, {"interval": 1e9}, {"rounds": -1}, {"exit_code": True}]
)
def test_options_outside_their_range_are_refused(wrong):
    with pytest.raises(InvalidConfig):
        LoopOptions(**wrong)


def test_to_act_it_needs_gates(tracking_store):
    with pytest.raises(InvalidConfig, match="has no gates"):
        loop_flow.main(words(model="nobody", rounds=1))


def test_a_keyboard_stops_it_as_well():
    before = signal.getsignal(signal.SIGINT)
    with stopped_by_signals() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(5)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_ends_it_cleanly(tracking_store, environment, tmp_path):
    """A model that is not there fails each round, and no round ends the loop."""
    name = "stopped-by-a-signal"
    command = [sys.executable, "-m", "flows.loop", *words(model=name, act="false", interval=30)]
    environment = environment | {"ORDINIS_CATALOGUE": f"sqlite:///{tmp_path / 'desk.db'}"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        line = next(each for each in process.stdout if each.startswith("round"))
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.stdout.close()
    assert line.startswith("round 1, ")
    assert "FAILED (1 so far): " in line
    (run,) = mlflow.search_runs(
        filter_string=f"params.model = '{name}' and tags.`ordinis.entry_point` = 'loop'",
        output_format="list",
    )
    assert (run.info.status, run.data.metrics["failed_rounds"]) == ("FINISHED", 1)


def test_from_the_check_to_the_gates_decision(gated, monkeypatch, capsys):
    """A champion of 2003-2006 is too old in October 2008; its successor is promoted."""
    monkeypatch.setattr(monitor, "log_reports", lambda *_: None)  # seconds of Evidently
    path = gated / "bars.parquet"
    bars = read_dataset("sp500").between("2003-01-01", "2008-12-31")
    bars.between(end="2006-12-31").frame.to_parquet(gated / "until_2006.parquet")
    bars.frame.to_parquet(path)
    train.main(
        words(bars=gated / "until_2006.parquet", register=MODEL, hidden_dim=8, num_layers=1,
              sequence_length=10, epochs=1, int8="false", recalibrate="false")
    )  # fmt: skip
    from flows.gated import gated_registry

    gated_registry().promote(MODEL, "1", "champion", "the first", KEY)
    options = {"bars": path, "model": MODEL, "until": "2008-10-15", "rounds": 1}
    loop_flow.main(words(**options, max_age_days=600))
    state = desk_of().read(MODEL).state
    assert (state.phase, state.cause, state.challenger) == (COOL_DOWN, "age", "2")
    assert versions(MODEL) == {"1": None, "2": f"{MODEL}:1@2008-10-15T00:00:00+00:00"}
    client = MlflowClient()
    version = client.get_model_version_by_alias(MODEL, "champion")
    assert version.version == 2
    run = mlflow.get_run(version.run_id)
    check = mlflow.get_run(run.data.tags["mlflow.parentRunId"])
    assert check.data.tags["ordinis.entry_point"] == "monitor"
    assert run.data.tags["ordinis.drifted"] == check.data.tags["ordinis.drifted"] != ""
    from ordinis_mlflow import flavor

    newest = flavor.load_model(f"models:/{MODEL}/2").contract.data_last
    assert newest.startswith("2008-10-15")  # nothing later than what was known
    out = capsys.readouterr().out
    (line,) = [each for each in out.splitlines() if each.startswith("round 1, ")]
    assert f"{MODEL} cool_down: version 2 was promoted" in line


def test_what_is_checked_is_what_was_asked(monkeypatch):
    """A round's check has every parameter of the loop that a check has."""
    seen = []
    asked = LoopOptions(bars="sp500", model="x", html=True, until="2008-01-01")

    def look(options, policy, stop):
        seen.append(options)
        raise InvalidConfig("seen enough")

    monkeypatch.setattr(loop_flow, "monitor", look)
    with pytest.raises(InvalidConfig, match="seen enough"):
        loop_flow.a_round(asked, None, threading.Event())
    mine = asdict(asked)
    assert {name: mine[name] for name in asdict(seen[0])} == asdict(seen[0])
