"""The entry points monitor and desk: a model of 2003-2006 is watched through 2007 and 2008."""

import json
import threading
from dataclasses import replace

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from own_store import words
from predictions_made import Tally, keeping

from flows import desk as desk_flow
from flows import ingest, materialize, monitor, train
from flows.desk import DeskOptions
from flows.monitor import MonitorOptions, note
from flows.monitor_runs import SERIES
from flows.watched import refuse_future
from ordinis_mlflow import flavor
from ordinis_mlflow.bars import read_dataset
from ordinis_mlflow.drift import DriftReference
from ordinis_mlflow.errors import InvalidBars, InvalidConfig
from ordinis_mlflow.prediction_log import PredictionLog, Predictions, Source
from ordinis_mlflow.retraining import Observation, RetrainPolicy, ask, open_desk
from ordinis_mlflow.store import open_store
from ordinis_mlflow.telemetry import DriftScores

MODEL = "watched"
CALM, CRISIS, LATER = "2007-05-31", "2008-10-15", "2008-11-17"
TOO_EARLY = "2003-07-31"
YOUNG = {"max_age_days": 1e6}  # else age triggers in 2008
MINUTE_NS, MILLISECOND_NS = 60 * 10**9, 10**6


@pytest.fixture(scope="module")
def bars():
    return read_dataset("sp500").between("2003-01-01", "2008-12-31")


@pytest.fixture(scope="module")
def file(bars, tmp_path_factory):
    path = tmp_path_factory.mktemp("monitored") / "all.parquet"
    bars.frame.to_parquet(path)
    return path


@pytest.fixture(scope="module")
def model(bars, tracking_store, tmp_path_factory):
    """The smallest model of 2003-2006, registered as champion."""
    path = tmp_path_factory.mktemp("trained") / "until_2006.parquet"
    bars.between(end="2006-12-31").frame.to_parquet(path)
    train.main(
        words(bars=path, register=MODEL, alias="champion", hidden_dim=8, num_layers=1,
              sequence_length=10, epochs=1, int8="false", recalibrate="false", test=0.05)
    )  # fmt: skip
    return flavor.load_model(f"models:/{MODEL}@champion")


@pytest.fixture(autouse=True)
def own_desk(model, tmp_path, monkeypatch):
    """A loop, and a store, of each test's own."""
    monkeypatch.setenv("ORDINIS_CATALOGUE", f"sqlite:///{tmp_path / 'desk.db'}")
    monkeypatch.setenv("ORDINIS_STORE", str(tmp_path / "store"))
    return lambda: open_desk("unused")


@pytest.fixture
def unreported(monkeypatch):
    """Without Evidently, where a test is about something else: a report takes seconds."""
    monkeypatch.setattr(monitor, "log_reports", lambda *_: None)


@pytest.fixture
def look(file):
    """Run the entry point; exit status and the run that it made."""

    def call(until, **options):
        asked = {"bars": file, "model": MODEL, "until": until, "exit_code": "true", **YOUNG}
        try:
            monitor.main(words(**asked | options))
            status = 0
        except SystemExit as ended:
            status = ended.code
        (run,) = mlflow.search_runs(
            filter_string="tags.`ordinis.entry_point` = 'monitor'",
            order_by=["attributes.start_time DESC"],
            max_results=1,
            output_format="list",
        )
        return status, MlflowClient().get_run(run.info.run_id)

    return call


def distances(run):
    prefix = "drift_distance/"
    metrics = run.data.metrics.items()
    return {n.removeprefix(prefix): value for n, value in metrics if n.startswith(prefix)}


def artifacts(run):
    return {each.path for each in MlflowClient().list_artifacts(run.info.run_id, "drift")}


def series_of(run):
    parent = mlflow.get_run(run.data.tags["mlflow.parentRunId"])
    assert parent.data.tags[SERIES] == f"{MODEL}/1"
    return parent


def test_a_calm_month(look, model, bars, tmp_path):
    status, run = look(CALM, scores=tmp_path / "scores.json")
    assert status == 0
    assert run.info.status == "FINISHED"
    assert run.data.tags["ordinis.drift"] == "false"
    assert run.data.tags["ordinis.loop"] == "no alarm"
    assert artifacts(run) == {"drift/report.json", "drift/verdicts.json"}
    champion = MlflowClient().get_model_version_by_alias(MODEL, "champion")
    assert run.data.tags["ordinis.trained_by"] == champion.run_id
    assert [f"models:/{each.model_id}" for each in run.inputs.model_inputs] == [champion.source]
    reference = DriftReference.from_bytes(model.drift)
    assert distances(run).keys() == set(reference.columns)
    scores = DriftScores.read(tmp_path / "scores.json")
    assert (scores.model, scores.version, scores.alarm) == (MODEL, "1", False)
    assert {each.column: each.distance for each in scores.columns} == distances(run)
    for name, limit in zip(reference.columns, reference.limits, strict=True):
        assert run.data.metrics[f"drift_limit/{name}"] == limit


def test_an_alarm_in_the_crisis_is_reported_as_pages_and_charted(look, capsys):
    _, calm = look(CALM)
    status, run = look(CRISIS)
    assert status == 3
    assert run.data.tags["ordinis.drift"] == "true"
    drifted = run.data.tags["ordinis.drifted"].split(", ")
    assert "realised_volatility_20" in drifted
    pages = {"drift/report.html", "drift/raw_columns.html"}
    assert artifacts(run) == {"drift/report.json", "drift/verdicts.json", *pages}
    uri = f"{run.info.artifact_uri}/drift/verdicts.json"
    verdicts = json.loads(mlflow.artifacts.load_text(uri))
    assert [v["name"] for v in verdicts if not v["passed"]] == [f"drift_{n}" for n in drifted]
    series = series_of(run)
    assert series_of(calm).info.run_id == series.info.run_id
    assert series.info.status == "FINISHED"
    charted = MlflowClient().get_metric_history(series.info.run_id, "drift_distance/log_return_1")
    points = {(each.step, each.timestamp): each.value for each in charted}
    for until, each in ((CALM, calm), (CRISIS, run)):
        bar = pd.Timestamp(until, tz="UTC").as_unit("ns").value
        assert points[bar // MINUTE_NS, bar // MILLISECOND_NS] == distances(each)["log_return_1"]
    both = {
        "performance_worse",
        "realised_rank_ic",
        "loop_triggers",
        "loop_challengers_lost_in_a_row",
    }
    assert {n: series.data.metrics[n] for n in both} == {n: run.data.metrics[n] for n in both}
    assert "realised_volatility_20: distance" in capsys.readouterr().out


def test_pages_on_request_and_no_status_unless_asked_for(look):
    status, run = look(CALM, html="true", exit_code="false")
    assert status == 0
    assert "drift/report.html" in artifacts(run)


def test_statuses_are_for_those_who_ask(look, unreported):
    assert look(CRISIS, exit_code="false")[0] == 0
    assert look(CRISIS)[0] == 3  # the loop has looked at this bar: drift is drift all the same


def test_two_alarms_well_apart_trigger_once(look, unreported, own_desk):
    assert look(CRISIS)[0] == 3
    assert own_desk().read(MODEL).state.phase == "warn"
    status, run = look(LATER)
    assert status == 4
    assert run.data.tags["ordinis.loop.phase"] == "retrain"
    assert run.data.tags["ordinis.loop"] == "retraining 1: drift"
    status, run = look(LATER)
    assert status == 3
    assert own_desk().read(MODEL).state.trigger == 1


def test_what_was_not_judged_is_loud_and_the_loop_is_not_told(look, own_desk, capsys, tmp_path):
    status, run = look(TOO_EARLY, scores=tmp_path / "scores.json")
    assert status == 5
    assert run.data.tags["ordinis.drift"] == "not judged"
    assert artifacts(run) == {"drift/verdicts.json"}
    assert "not judged, as there are" in capsys.readouterr().err
    assert own_desk().read(MODEL).revision == 0
    assert not (tmp_path / "scores.json").exists()


def test_no_window_at_all_is_not_judged_either(look):
    status, run = look("2003-02-03")
    assert status == 5
    assert run.data.metrics["unjudged_columns"] == 16.0


def test_it_joins_the_run_of_mlflow_run(look, unreported, monkeypatch):
    made = MlflowClient().create_run(mlflow.get_experiment_by_name("tests").experiment_id)
    monkeypatch.setenv("MLFLOW_RUN_ID", made.info.run_id)
    _, run = look(CALM)
    assert run.info.run_id == made.info.run_id
    assert run.info.status == "FINISHED"
    assert series_of(run)


def test_the_store_tells_the_same_as_the_file(look, file, unreported):
    _, expected = look(CALM)
    ingest.main(words(bars=file, dataset="recent"))
    materialize.main(words(dataset="recent"))
    catalogue = open_store("unused").catalogue
    head = catalogue.head("recent")
    (features,) = catalogue.feature_snapshots("recent", "technical@1")
    catalogue.close()
    for source in ({"dataset": "recent"}, {"snapshot": head}, {"snapshot": features}):
        _, run = look(CALM, bars="sp500", **source)
        assert distances(run) == distances(expected)


class Logged:
    """A prediction log of the bars up to a day, as a server writes it."""

    def __init__(self, folder, model):
        self.folder, self.model = folder, model
        self.source = Source("champion", MODEL, "1", "technical@1", "ab" * 32, 1, 6)

    def write(self, bars, rows, lean=0.0, seconds=1):
        """One request a bar, with its window, answered seconds later with a leaning probability."""
        (series,) = bars.series()
        lookback, times = self.model.contract.lookback, series.nanoseconds()
        log = PredictionLog(keeping(self.folder), Tally())
        for at in range(len(times) - rows, len(times)):
            window = series.values[None, at - lookback + 1 : at + 1]
            said = self.model.predict(window)
            said = replace(said, probability_up=said.probability_up + np.float32(lean))
            answered = int(times[at]) + seconds * 10**9
            log.add(Predictions(
                self.source, f"r{at}", answered, said, symbols=("sp500",),
                bar_times=times[at : at + 1], rows=np.array([0]), windows=window,
            ))  # fmt: skip
        log.start()
        log.stop()


def test_the_prediction_log_tells_the_same_as_the_bars(look, model, bars, unreported, tmp_path):
    folder = tmp_path / "log"
    # Asked about twice; the later answer, which lies first in the log, is the right one.
    Logged(folder, model).write(bars.between(end=LATER), 120, seconds=2)
    Logged(folder, model).write(bars.between(end=CRISIS), 90, lean=0.3)
    for until, told in ((CRISIS, 3), (LATER, 4)):
        status, run = look(until, log_folder=folder, bars="sp500")
        assert status == told
        assert run.data.tags["ordinis.bar"].startswith(until)
        _, expected = look(until)
        # The graph answers one window as it answers many, but for float32's rounding.
        assert distances(run) == pytest.approx(distances(expected), rel=1e-4)


def test_realised_performance_is_of_what_was_answered(
    look, model, bars, unreported, file, tmp_path
):
    """The log tells what the model tells that is asked again, of dates that have an outcome."""
    folder = tmp_path / "log"
    Logged(folder, model).write(bars.between(end=LATER), 300)
    _, run = look(LATER, log_folder=folder, bars=file)
    _, expected = look(LATER)
    for name in ("realised_rank_ic", "realised_log_score_skill_nats"):
        for each in (name, f"{name}_limit"):
            mine, theirs = run.data.metrics[each], expected.data.metrics[each]
            assert mine == pytest.approx(theirs, rel=1e-3, abs=1e-4)
    assert "before the newest 250" in run.data.tags["ordinis.verdict.realised_calibration_shift"]
    assert "realised_calibration_shift" not in run.data.metrics


def test_predictions_without_outcomes_are_not_judged_and_no_trigger(
    look, model, bars, unreported, file, tmp_path
):
    Logged(tmp_path / "log", model).write(bars.between(end=CALM), 70)
    _, run = look(CALM, log_folder=tmp_path / "log", bars=file)
    assert "of 69 dates the outcome" in run.data.tags["ordinis.performance"]
    assert run.data.tags["ordinis.loop"] == "no alarm"


def test_a_log_of_nothing_is_refused_and_no_run_is_left(look, model, bars, run_ids, tmp_path):
    Logged(tmp_path / "log", model).write(bars.between(end=CALM), 2)
    before = run_ids()
    with pytest.raises(InvalidConfig, match="no answer of watched version 1"):
        look("2001-01-01", log_folder=tmp_path / "log")
    assert run_ids() == before


def test_outputs_that_drift_are_seen_where_features_do_not(look, model, bars, unreported, tmp_path):
    """A version that leans to one side more than it ever did, of the same market."""
    Logged(tmp_path / "log", model).write(bars.between(end=CALM), 60, lean=0.3)
    status, run = look(CALM, log_folder=tmp_path / "log")
    assert status == 3
    assert run.data.tags["ordinis.drifted"] == "output_probability_up"


def test_a_log_of_fewer_bars_than_a_window_is_not_judged(look, model, bars, unreported, tmp_path):
    Logged(tmp_path / "log", model).write(bars.between(end=CALM), 59)
    assert look(CALM, log_folder=tmp_path / "log")[0] == 5


def test_a_model_without_reference_is_refused_and_no_run_is_left(small_package, look, run_ids):
    with mlflow.start_run():
        flavor.log_model(small_package, registered_model_name="unreferenced")
    MlflowClient().set_registered_model_alias("unreferenced", "champion", "1")
    before = run_ids()
    with pytest.raises(InvalidConfig, match="has no drift reference"):
        look(CALM, model="unreferenced")
    assert run_ids() == before


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"dataset": "a", "snapshot": "b"}, "one source, got dataset and snapshot"),
        ({"until": "soon"}, "until"),
        ({"scores": "/nowhere/at/all.json"}, "folder does not exist"),
    ],
)
def test_options_that_do_not_fit(wrong, said):
    with pytest.raises(InvalidConfig, match=said):
        MonitorOptions(**wrong)


def test_monitors_at_the_same_time_trigger_once(own_desk):
    days = np.arange(100, dtype=np.int64) * 86_400_000_000_000
    policy, triggered = RetrainPolicy(), []

    def observe_both(desk):
        for until in (60, 100):
            _, _, did = note(desk, MODEL, Observation(days[:until], True, False, 0), policy)
            triggered.append(did)

    own_desk()
    threads = [threading.Thread(target=observe_both, args=(own_desk(),)) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(triggered) == 12
    assert sum(triggered) == 1
    assert own_desk().read(MODEL).state.trigger == 1


def test_without_a_verdict_on_drift_age_triggers_all_the_same(own_desk):
    days = np.arange(1, 101, dtype=np.int64) * 86_400_000_000_000
    young, old = (RetrainPolicy(max_age_days=each) for each in (1e6, 50.0))
    seen, desk = Observation(days, False, False, 0), own_desk()
    kept, step, triggered = note(desk, MODEL, seen, young, unjudged=True)
    assert (kept.revision, triggered) == (0, False)
    assert "drift was not judged" in step.note
    kept, _, triggered = note(desk, MODEL, seen, old, unjudged=True)
    assert (kept.state.cause, triggered) == ("age", True)


def test_a_bar_that_is_still_to_come_is_refused_as_no_other_would_be_looked_at():
    now = pd.Timestamp.now(tz="UTC").as_unit("ns").value
    day = 86_400_000_000_000
    refuse_future(np.array([now - day, now + day // 2]))
    with pytest.raises(InvalidBars, match="still to come"):
        refuse_future(np.array([now - day, now + 2 * day]))


def test_what_is_under_way_is_given_up_by_hand(own_desk, capsys):
    desk = own_desk()
    desk.advance(MODEL, lambda state: ask(state, "a test"))
    desk_flow.main(words(model=MODEL))
    assert capsys.readouterr().out.endswith("1 retrainings triggered, nobody is at it\n")
    desk_flow.main(words(model=MODEL, give_up="its run was deleted"))
    assert "given up: its run was deleted\n" in capsys.readouterr().out
    assert desk.read(MODEL).state.phase == "cool_down"


def test_a_hold_of_a_name_that_nobody_knows_is_refused(own_desk):
    with pytest.raises(MlflowException, match="mistyped"):
        desk_flow.main(words(model="mistyped", hold="holidays"))
    assert own_desk().history("mistyped") == ()


def test_a_hold_and_its_end(look, unreported, capsys):
    desk_flow.main(words(model=MODEL, hold="earnings"))
    look(CRISIS)
    status, run = look(LATER)
    assert status == 3
    assert "it is held: earnings" in run.data.tags["ordinis.loop"]
    assert "it is held: earnings" in capsys.readouterr().err
    desk_flow.main(words(model=MODEL, release="true"))
    lines = capsys.readouterr().out.splitlines()
    assert [("held" in line, "released" in line) for line in lines[:-1]] == [
        (True, False), (False, False), (True, False), (False, True),
    ]  # fmt: skip
    assert lines[2].split("  ")[1:3] == ["bar 2008-11-17T00:00:00+00:00", "warn !"]
    assert lines[-1] == f"{MODEL}: phase warn, 0 retrainings triggered, 2 alarms not acted on"


@pytest.mark.parametrize("other", [{"release": True}, {"give_up": "why"}])
def test_two_things_at_once_are_refused(other):
    with pytest.raises(InvalidConfig, match="contradict"):
        DeskOptions(hold="why", **other)
