"""Shadow: the challenger is asked the same windows, later, and nobody waits for it."""

import asyncio
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from signal_server import serving
from two_arms import LOOKBACK, Oracle, asked, counts, served

from ordinis_mlflow import flavor
from ordinis_mlflow.prediction_log import PredictionLogSettings
from ordinis_mlflow.prediction_log.read import read
from ordinis_mlflow.serving import shadow as module
from ordinis_mlflow.serving.arms import Arms, Part, Scored
from ordinis_mlflow.serving.experiment import Experiment
from ordinis_mlflow.serving.settings import ServingSettings
from ordinis_mlflow.serving.shadow import JOINED_WINDOWS, Shadow
from ordinis_mlflow.telemetry import ServingMetrics

DROPPED = "ordinis_shadow_dropped_windows_total"
COMPARED = "ordinis_shadow_mean_difference_count"
CHAMPION = served("champion", Oracle(1.0))
requests = st.lists(st.integers(1, 40), min_size=1, max_size=20)


class Stage:
    """A shadow, what it told its watcher, and what it was told."""

    def __init__(self, most=10_000, watcher=None, **lookback):
        self.metrics, self.seen = ServingMetrics(), []
        self.model = Oracle(2.0, **lookback)
        self.challenger = served("shadow", self.model, "2")
        self.shadow = Shadow(self.metrics, (watcher or self.seen.append,), most)
        self.shadow.replace(Arms(CHAMPION, self.challenger))

    def answer(self, request_id, numbers):
        """What the champion answers, told to the shadow."""
        what = asked(numbers)
        signal = CHAMPION.model.run(what.windows)
        self.shadow(Scored(request_id, signal, (Part(CHAMPION, None, what, signal),)))

    def run(self):
        """From start to stop: all that waits is asked."""

        async def live():
            await self.shadow.start()
            await self.shadow.stop()

        asyncio.run(live())

    @property
    def dropped(self):
        return counts(self.metrics, DROPPED)

    @property
    def compared(self):
        return counts(self.metrics, COMPARED).get((), 0)


def numbered(sizes):
    """Every window of every request has a number of its own."""
    numbers = iter(range(1, 10_000))
    return [[float(next(numbers)) for _ in range(n)] for n in sizes]


@given(requests, st.booleans())
def test_every_answer_is_asked_once_and_rows_are_not_mixed(sizes, short):
    stage = Stage(lookback=LOOKBACK - short)
    for number, own in enumerate(numbered(sizes)):
        stage.answer(str(number), own)
    assert not stage.model.runs  # nothing of it on the thread that answers
    stage.run()
    assert [each.id for each in stage.seen] == [str(number) for number in range(len(sizes))]
    for scored, own in zip(stage.seen, numbered(sizes), strict=True):
        (part,) = scored.parts
        assert part.served is stage.challenger
        assert part.rows is None
        assert part.signal is scored.signal
        assert scored.signal.mean.tolist() == own
        assert set(scored.signal.scale) == {2.0}
        assert part.asked.windows[:, 0, 0].tolist() == own
        assert part.asked.windows.shape[1] == LOOKBACK - short
    assert max(map(len, stage.model.runs)) <= JOINED_WINDOWS
    assert stage.compared == sum(sizes)
    assert not stage.dropped


def test_small_requests_share_a_run():
    stage = Stage()
    for number in range(JOINED_WINDOWS + 1):
        stage.answer(str(number), [1.0])
    stage.run()
    assert [len(run) for run in stage.model.runs] == [JOINED_WINDOWS, 1]


def test_differences_are_told_to_the_metrics():
    stage = Stage()
    stage.model.run = lambda windows, whole: CHAMPION.model.run(-windows)
    stage.answer("a", [1.0, 2.0])
    stage.run()
    found = counts(stage.metrics, "ordinis_shadow_disagreements_total")
    assert found == {(): 2}
    assert counts(stage.metrics, "ordinis_shadow_mean_difference_sum") == {(): 6.0}
    signals = counts(stage.metrics, "ordinis_signals_total")
    assert signals["shadow", "short"] == 2


@given(requests, st.integers(1, 60))
def test_what_there_is_no_room_for_is_dropped_and_counted(sizes, most):
    stage, waiting = Stage(most=most), 0
    expected = []
    for number, own in enumerate(numbered(sizes)):
        if waiting + len(own) <= most:
            waiting += len(own)
            expected.append(str(number))
        stage.answer(str(number), own)
    stage.run()
    assert [each.id for each in stage.seen] == expected
    assert stage.dropped.get(("behind",), 0) == sum(sizes) - waiting


def test_there_is_room_again_for_what_was_asked_or_failed():
    stage = Stage(most=2)
    stage.model.fails = RuntimeError("bug")

    async def live():
        await stage.shadow.start()
        stage.answer("a", [1.0, 2.0])
        while not stage.dropped:
            await asyncio.sleep(0.001)
        stage.model.fails = None
        stage.answer("b", [3.0, 4.0])
        while not stage.seen:
            await asyncio.sleep(0.001)
        stage.answer("c", [5.0, 6.0])
        await stage.shadow.stop()

    asyncio.run(live())
    assert [each.id for each in stage.seen] == ["b", "c"]
    assert stage.dropped == {("failed",): 2}


def test_without_a_challenger_nothing_waits():
    stage = Stage()
    stage.shadow.replace(Arms(CHAMPION))
    stage.answer("a", [1.0, 2.0])
    stage.run()
    assert stage.dropped == {("absent",): 2}
    assert not stage.seen


def test_an_answer_is_asked_of_the_challenger_that_was_there():
    stage = Stage()
    stage.answer("a", [1.0])
    after = served("shadow", Oracle(3.0), "3")
    stage.shadow.replace(Arms(CHAMPION, after))
    stage.answer("b", [2.0])
    stage.run()
    assert [each.parts[0].served.version for each in stage.seen] == ["2", "3"]
    assert [each.signal.scale.tolist() for each in stage.seen] == [[2.0], [3.0]]


@pytest.mark.parametrize("broken", [RuntimeError("bug"), np.nan])
def test_a_challenger_that_fails_takes_nobody_along(broken, caplog):
    """The requests that it was asked with are asked by themselves."""
    stage, right = Stage(), Oracle(2.0)

    def run(windows, whole):
        if (windows == 13.0).any():
            if isinstance(broken, Exception):
                raise broken
            windows = np.full_like(windows, broken)
        return right.run(windows)

    stage.model.run = run
    for number in (12.0, 13.0, 14.0, 13.0):
        stage.answer(str(number), [number])
    stage.run()
    assert [each.id for each in stage.seen] == ["12.0", "14.0"]
    assert stage.dropped == {("failed",): 2}
    assert len(caplog.records) == 1
    assert "oracle/2" in caplog.text


def test_a_watcher_that_fails_does_not_end_it(caplog):
    def watcher(scored):
        raise OSError("no disk")

    stage = Stage(watcher=watcher)
    stage.answer("a", [1.0])
    stage.run()
    assert "no disk" in caplog.text


def test_what_it_has_no_time_for_in_the_end_is_counted(monkeypatch):
    monkeypatch.setattr(module, "DRAIN_SECONDS", 0.0)
    monkeypatch.setattr(module, "LOOK_SECONDS", 60.0)
    stage = Stage()
    stage.answer("a", [1.0, 2.0])
    stage.run()
    assert stage.dropped == {("stopped",): 2}
    assert not stage.seen


def test_a_busy_challenger_delays_nobody():
    """Answers are taken while it is busy: it is so in a thread of its own."""
    stage, busy, done = Stage(most=5), threading.Event(), threading.Event()
    right = Oracle(2.0)

    def run(windows, whole):
        busy.set()
        assert done.wait(60)
        return right.run(windows)

    stage.model.run = run

    async def live():
        await stage.shadow.start()
        stage.answer("a", [1.0])
        while not busy.is_set():
            await asyncio.sleep(0.001)
        for number in range(10):
            stage.answer(f"b{number}", [2.0])
        assert not stage.seen
        done.set()
        await stage.shadow.stop()

    asyncio.run(live())
    assert [each.id for each in stage.seen] == ["a", "b0", "b1", "b2", "b3"]
    assert stage.dropped == {("behind",): 6}


def test_answers_and_shadows_of_a_server_are_in_its_log_under_one_id(
    saved_package, other_saved_package, small_windows, tmp_path
):
    settings = ServingSettings(
        str(saved_package),
        experiment=Experiment(str(other_saved_package)),
        prediction_log=PredictionLogSettings(log_folder=str(tmp_path)),
    )
    sizes = {"one": 1, "many": 30, "few": 3}
    with serving(settings) as running:
        for name, n in sizes.items():
            body = {"inputs": small_windows[:n].tolist()}
            answer = running.post(body, **{"X-Request-Id": name})
            assert answer.status == 200
            assert answer.headers["x-ordinis-model"].count("/") == 1
    frame = read(tmp_path).frame
    for arm, package in (("champion", saved_package), ("shadow", other_saved_package)):
        rows = frame[frame["arm"] == arm]
        assert rows["version"].nunique() == 1
        expected = flavor.load_model(str(package)).predict(small_windows)
        assert rows.groupby("request_id").size().to_dict() == sizes
        for name, n in sizes.items():
            own = rows[rows["request_id"] == name].sort_values("row")
            np.testing.assert_allclose(own["mean"], expected.mean[:n], rtol=1e-4, atol=1e-8)
            np.testing.assert_allclose(own["scale"], expected.scale[:n], rtol=1e-4)
    assert frame["version"].nunique() == 2


def test_a_server_without_the_challenger_answers_and_says_so(saved_package, small_windows):
    experiment = Experiment("models:/nobody-has-this@challenger")
    with serving(ServingSettings(str(saved_package), experiment=experiment)) as running:
        assert running.post({"inputs": small_windows[:3].tolist()}).status == 200
        metrics = running.ask("GET", "/metrics").body.decode()
    assert f'{DROPPED}{{kind="absent"}} 3.0' in metrics
    assert 'ordinis_reload_failures_total{arm="shadow",kind="download"} 1.0' in metrics
