"""A replay: strategies that know the past alone, what they do on planted drift, and resumption."""

import re
import time
from dataclasses import replace

import mlflow
import numpy as np
import pandas as pd
import pytest
from own_store import words
from warm import started

from flows import replay as flow
from flows.options import TrainOptions
from flows.replay import ReplayOptions, replay
from flows.replayed_course import Match, calendar, said_by, triggered
from flows.replayed_fit import FIT, SECONDS, Fitted, fitted
from flows.replayed_fits import FOLDER, children
from flows.replayed_history import History
from flows.replayed_log import FIGURES, STRATEGY, SUMMARY
from flows.replayed_performance import ModelPerformance
from flows.replayed_triggers import LoopTrigger, PresetTrigger
from flows.training import load
from ordinis_mlflow.bars import COLUMNS
from ordinis_mlflow.errors import InvalidConfig, InvalidDriftReference
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.retraining import RetrainPolicy

pytestmark = pytest.mark.usefixtures("warm_workers")
DAYS, TURN = 980, 800
"""Volatility is five times as high from the turn on."""
HOW = ReplayOptions(begin="2021-12-01T00:00:00Z", workers=1, samples=100, margin=1.0)
POLICY = RetrainPolicy()
STRATEGIES = ["never", "monthly", "quarterly", "evidently", "ordinis"]


def bars(turn):
    """Daily bars of independent returns; the range within the day grows with them."""
    random = np.random.default_rng(5)
    size = np.where(np.arange(DAYS) < turn, 0.01, 0.05)
    close = 100.0 * np.exp(np.cumsum(size * random.standard_normal(DAYS)))
    opened = close * np.exp(0.3 * size * random.standard_normal(DAYS))
    high = np.maximum(opened, close) * np.exp(0.5 * size * np.abs(random.standard_normal(DAYS)))
    low = np.minimum(opened, close) * np.exp(-0.5 * size * np.abs(random.standard_normal(DAYS)))
    volume = np.exp(13.0 + 0.3 * random.standard_normal(DAYS))
    table = np.stack([opened, high, low, close, volume], axis=1)
    times = pd.date_range("2020-01-01", periods=DAYS, freq="D", tz="UTC")
    return pd.DataFrame(table, columns=list(COLUMNS)).assign(timestamp=times)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replay")
    for name, turn in (("turning", TURN), ("calm", DAYS)):
        bars(turn).to_csv(folder / f"{name}.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def config():
    return LSTMConfig(hidden_dim=4, num_layers=1, sequence_length=5, epochs=1)


def history_of(path, config):
    options = TrainOptions(bars=str(path), recalibrate=False)
    return History.between(load(options, config), HOW.begin, None)


@pytest.fixture(scope="module")
def history(files, config, tracking_store):
    return history_of(files / "turning.csv", config)


class Here:
    """Models trained in this process, each once."""

    def __init__(self, history):
        self.history = history
        self.made = {}

    def get(self, known):
        if known not in self.made:
            split = self.history.parts(known)
            signal_, metrics = fitted(self.history.training, split)
            self.made[known] = Fitted(known, split, signal_, metrics[SECONDS])
        return self.made[known]


@pytest.fixture(scope="module")
def here(history):
    return Here(history)


def live(history, get, name="ordinis", policy=POLICY, how=HOW):
    trigger = {
        "ordinis": lambda: LoopTrigger(history, policy, how.release_bars),
        "evidently": lambda: PresetTrigger(history, policy.cooldown_bars),
    }[name]()
    match = Match(history, how.margin, how.samples, history.training.config.seed)
    return triggered(name, trigger, history.checks(how.check_every), get, match)


@pytest.fixture(scope="module")
def loop(history, here):
    return live(history, here.get)


@pytest.fixture(scope="module")
def preset(history, here):
    return live(history, here.get, "evidently")


def test_a_training_reads_what_was_known_at_its_bar(history):
    rows = history.training.prepared.rows
    ends = rows.ends[rows.ready]
    for known in (history.start, *history.ends_of(1)):
        split = history.parts(known)
        assert ends[split.test].max() == known
        assert ends[split.validation].max() < split.test_start
        assert ends[split.train].max() < split.validation_start


def test_calendars_end_with_the_month_and_the_quarter(history):
    months, quarters = ([str(day)[:10] for day in history.ends_of(n)] for n in (1, 3))
    assert months == [
        "2021-11-30", "2021-12-31", "2022-01-31", "2022-02-28", "2022-03-31", "2022-04-30",
        "2022-05-31", "2022-06-30", "2022-07-31", "2022-08-31",
    ]  # fmt: skip
    assert quarters == ["2021-12-31", "2022-03-31", "2022-06-30"]
    assert str(history.start)[:10] == "2021-11-30"


def test_ours_sees_the_turn_and_trains_anew(loop):
    """Not before it; then twice alarmed a month apart, within a quarter."""
    turn = np.datetime64("2020-01-01") + np.timedelta64(TURN, "D")
    assert loop.alarms
    assert min(loop.alarms) > turn
    first = loop.retrainings[0]
    assert (first.cause, first.promoted) == ("drift", True)
    assert turn < first.at < turn + np.timedelta64(92, "D")
    assert len(loop.retrainings) <= 2


def test_ours_is_silent_where_nothing_changes(files, config, tracking_store):
    calm = history_of(files / "calm.csv", config)
    course = live(calm, Here(calm).get)
    assert course.retrainings == ()
    assert course.looks == len(calm.checks(5))


def test_evidently_alarms_before_the_turn_and_rests_after_a_retraining(history, preset):
    turn = np.datetime64("2020-01-01") + np.timedelta64(TURN, "D")
    assert min(preset.alarms) < turn
    at = np.searchsorted(history.dates, [each.at for each in preset.retrainings])
    assert (np.diff(at) >= POLICY.cooldown_bars).all()
    assert len(at) >= 2


@pytest.mark.parametrize(
    ("name", "when"), [("ordinis", "quiet"), ("ordinis", "late"), ("evidently", "late")]
)
def test_decisions_are_blind_to_what_comes_later(history, here, loop, preset, name, when):
    """Other features, outcomes and prices after a bar: what was decided until it is the same."""
    course = {"ordinis": loop, "evidently": preset}[name]
    checks = history.checks(HOW.check_every)
    quiet = checks[np.searchsorted(checks, min(course.alarms)) - 1]
    now = quiet if when == "quiet" else course.retrainings[-1].at
    rows = history.training.prepared.rows
    later = rows.times > now
    changed = replace(
        rows,
        labels=np.where(rows.ends > now, -3.0 * rows.labels, rows.labels),
        features=np.where(later[:, None], 1e3 * rows.features, rows.features),
        units=np.where(later, 2.0 * rows.units, rows.units),
        close=np.where(later, 2.0 * rows.close, rows.close),
    )
    training = replace(history.training, prepared=replace(history.training.prepared, rows=changed))
    other = replace(history, training=training)
    get = Here(other).get
    again = live(other, get, name)
    assert tuple(each for each in again.retrainings if each.at <= now) == tuple(
        each for each in course.retrainings if each.at <= now
    )
    assert [each for each in again.alarms if each <= now] == [
        each for each in course.alarms if each <= now
    ]
    until = history.times(history.judged()) <= now
    for column in ("mean", "scale", "position"):
        expected = getattr(said_by(course, history, here.get), column)[until]
        np.testing.assert_array_equal(getattr(said_by(again, other, get), column)[until], expected)


def test_a_model_speaks_from_the_bar_after_its_training(history, here):
    at = history.ends_of(1)[4]
    said = said_by(calendar("once", [at]), history, here.get)
    index = history.judged()
    times = history.times(index)
    for known, rows in ((history.start, times <= at), (at, times > at)):
        expected = here.get(known).signal.mean[index[rows]]
        np.testing.assert_array_equal(said.mean[rows], expected.astype(np.float64))


def test_the_challenger_meets_the_champion_on_its_own_test_part(history, here):
    champion, challenger = here.get(history.start), here.get(history.ends_of(1)[5])
    match = Match(history, 1.0, 100, 7)
    promoted, reason = match.decide(champion, challenger)
    assert promoted
    dates = len(np.unique(history.times(challenger.split.test)))
    assert f"on {dates} dates from {str(challenger.split.test_start)[:10]} on" in reason
    worse = replace(challenger.signal, mean=challenger.signal.mean + 3.0 * challenger.signal.scale)
    assert not match.decide(champion, replace(challenger, signal=worse))[0]


def test_a_model_that_foretells_no_longer_is_found_out_when_its_labels_have_ended(history, here):
    """Half of what will happen and noise, until it is the opposite; as the monitor sees it."""
    rows, model = history.training.prepared.rows, here.get(history.start)
    noise = np.random.default_rng(3).standard_normal(len(rows.ready))
    half = 0.5 * (rows.labels[rows.ready] + noise) * rows.units[rows.ready]
    turn = history.checks(5)[0]
    lost = np.where(rows.times[rows.ready] > turn, -half, half)
    good, bad = (
        replace(model, signal=replace(model.signal, mean=mean.astype(np.float32)))
        for mean in (half, lost)
    )
    last = history.dates[-1]
    assert 0.5 < ModelPerformance.of(history, good).settings.reference_ic < 0.9
    assert not ModelPerformance.of(history, good).worse(last)
    watched = ModelPerformance.of(history, bad)
    assert not watched.worse(turn + np.timedelta64(1, "D"))
    assert watched.worse(last)


def test_what_is_not_better_opens_the_circuit_until_somebody_comes(history, here):
    """Every challenger is rejected, and age asks for one after the other."""
    policy = replace(POLICY, max_age_days=30.0, cooldown_bars=10, breaker=2)

    class No(Match):
        def decide(self, champion, challenger):
            return False, "no"

    match = No(history, 0.0, 100, 7)
    trigger = LoopTrigger(history, policy, 40)
    course = triggered("ordinis", trigger, history.checks(5), here.get, match)
    assert course.promoted == ()
    assert course.released
    at = np.searchsorted(history.dates, course.rejected)
    released = np.searchsorted(history.dates, course.released)
    assert released[0] - at[1] >= 40
    assert at[2] >= released[0]


@pytest.fixture(scope="module")
def replayed(files, config, tracking_store):
    """(id, runs that were kept, outcomes) of a replay that was killed and went on."""
    pairs = {"bars": files / "turning.csv", "hidden_dim": 4, "num_layers": 1,
             "sequence_length": 5, "epochs": 1, "recalibrate": "false", "begin": HOW.begin,
             "workers": 1, "samples": 100, "margin": 1.0}  # fmt: skip
    process = started(flow.main, words(**pairs))
    parent = wait_for(lambda: next(iter(replays()), None))
    wait_for(lambda: len(fits(parent)) >= 2)
    process.kill()
    process.join()
    assert process.exitcode == -9
    kept = {run.info.run_id for run in fits(parent)}
    options = TrainOptions(bars=str(files / "turning.csv"), recalibrate=False, resume=parent)
    return parent, kept, replay(options, config, HOW, POLICY)


def replays():
    wanted = "tags.`ordinis.entry_point` = 'replay'"
    found = mlflow.search_runs(filter_string=wanted, output_format="list")
    return [run.info.run_id for run in found]


def fits(parent):
    return [
        run
        for folder in children(parent, FOLDER)
        for run in children(folder.info.run_id, FIT)
        if run.info.status == "FINISHED"
    ]


def wait_for(what, seconds=180.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def test_a_killed_replay_goes_on_and_trains_nothing_twice(replayed, history, loop, preset):
    parent, kept, _ = replayed
    known = [run.data.tags[FIT] for run in fits(parent)]
    assert kept <= {run.info.run_id for run in fits(parent)}
    assert len(known) == len(set(known))
    months = {history.start, *history.ends_of(1)}
    asked = {each.at for course in (loop, preset) for each in course.retrainings}
    assert set(known) == {str(each) for each in months | asked}


def test_strategies_do_the_same_in_other_processes(replayed, history, here, loop, preset):
    _, _, found = replayed
    assert list(found) == STRATEGIES
    for course in (loop, preset):
        again = found[course.name].course
        assert again.alarms == course.alarms
        assert [each.at for each in again.retrainings] == [each.at for each in course.retrainings]
    counts = {name: len(each.course.retrainings) for name, each in found.items()}
    assert (counts["never"], counts["monthly"], counts["quarterly"]) == (0, 9, 3)
    expected = said_by(loop, history, here.get)
    np.testing.assert_allclose(
        found["ordinis"].report.prediction.mean, expected.mean, rtol=1e-4, atol=1e-9
    )


def test_seconds_are_those_of_the_strategy_alone(replayed):
    parent, _, found = replayed
    seconds = {run.data.tags[FIT]: run.data.metrics[SECONDS] for run in fits(parent)}
    for outcome in found.values():
        at = [str(each.at) for each in outcome.course.retrainings]
        begin = str(np.datetime64("2021-11-30", "ns"))
        assert outcome.seconds == pytest.approx(sum(seconds[each] for each in (begin, *at)))


def test_the_replay_tells_all_strategies_and_each_has_a_run(replayed):
    parent, _, found = replayed
    run = mlflow.get_run(parent)
    assert run.info.status == "FINISHED"
    runs = {each.data.tags[STRATEGY]: each for each in children(parent, STRATEGY)}
    assert sorted(runs) == sorted(STRATEGIES)
    for name, each in runs.items():
        metrics = each.data.metrics
        assert metrics["retrains"] == len(found[name].course.retrainings)
        assert metrics["log_score_nats"] == run.data.metrics[f"{name}/log_score_nats"]
        assert ("log_score_above_monthly_nats_low" in metrics) == (name != "monthly")
    numbers = mlflow.artifacts.load_dict(f"runs:/{parent}/{FIGURES}")
    assert numbers["replay.retrains_over_monthly"] == len(found["ordinis"].course.retrainings) / 9
    assert numbers["replay.evidently_alarm_share"] > numbers["replay.alarm_share"]


def test_the_summary_is_one_page_that_loads_nothing(replayed):
    parent, _, _ = replayed
    text = mlflow.artifacts.load_text(f"runs:/{parent}/{SUMMARY}")
    assert "Retraining replayed: turning" in text
    assert "data:image/png;base64," in text
    assert not re.search(r"(src|href)=\"(?!data:)|<script|@import|url\(", text)
    for name in STRATEGIES:
        assert f"<td>{name}</td>" in text


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"begin": "someday"}, "begin"),
        ({"end": "someday"}, "end"),
        ({"check_every": 0}, "check_every"),
        ({"release_bars": 0}, "release_bars"),
        ({"workers": -1}, "workers"),
        ({"margin": -0.1}, "margin must be"),
    ],
)
def test_a_replay_that_cannot_be_is_refused(change, reason):
    with pytest.raises(InvalidConfig, match=re.escape(reason)):
        replace(HOW, **change)


def test_a_replay_needs_a_past_and_a_future(history):
    for begin, end in (("2031-01-01", None), ("2020-01-01", None), (HOW.begin, "2021-11-30")):
        with pytest.raises(InvalidConfig, match="begin must lie within the decisions"):
            History.between(history.training, begin, end)


def test_too_short_a_past_has_no_drift_reference(history):
    early = History.between(history.training, "2020-12-01T00:00:00Z", None)
    with pytest.raises(InvalidDriftReference, match="8 windows"):
        live(early, Here(early).get)


def test_a_replay_registers_nothing(files, config):
    options = TrainOptions(bars=str(files / "calm.csv"), register="mine")
    with pytest.raises(InvalidConfig, match="registers no model, got register=mine"):
        replay(options, config, HOW, POLICY)
