"""Split: a key is always of the same arm, the share is as asked, the champion is never harmed."""

import asyncio
import json
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from predictions_made import until
from scipy import stats
from signal_server import serving
from table_bodies import split as split_of
from two_arms import LOOKBACK, Oracle, asked, counts, served

from ordinis_mlflow import flavor
from ordinis_mlflow.errors import InvalidConfig, InvalidWindows, QueueFull
from ordinis_mlflow.serving.arms import Arms
from ordinis_mlflow.serving.dividing import Division
from ordinis_mlflow.serving.experiment import Experiment
from ordinis_mlflow.serving.service import Service
from ordinis_mlflow.serving.settings import Following, Limits, ServingSettings
from ordinis_mlflow.serving.source import Source
from ordinis_mlflow.serving.split import Split
from ordinis_mlflow.telemetry import ServingMetrics

CHAMPION, CHALLENGER = 1.0, 2.0
FALLBACKS = "ordinis_split_fallback_windows_total"
shares = st.floats(0.0, 1.0)
symbols = st.lists(st.text(max_size=8), min_size=1, max_size=30).map(tuple)


class Arena:
    """A service with two arms; who answered can be read off the scale."""

    def __init__(self, split, challenger=True, **lookback):
        self.metrics = ServingMetrics()
        self.ours, self.theirs = Oracle(CHAMPION), Oracle(CHALLENGER, **lookback)
        self.seen = []
        self.service = Service(Limits(), (self.seen.append,), Division(split, self.metrics))
        champion = served("champion", self.ours)
        other = served("challenger", self.theirs, "2", queue_windows=100) if challenger else None
        self.service.replace(Arms(champion, other))

    def score(self, what, request_id="a", seconds=60.0):
        request = SimpleNamespace(id=request_id, deadline=time.perf_counter() + seconds)
        return asyncio.run(self.service.score(request, what, self.service.arms))

    @property
    def fallbacks(self):
        return counts(self.metrics, FALLBACKS)


def arms_of(split, names):
    return [CHALLENGER if split.takes(name) else CHAMPION for name in names]


def mixed(names=tuple("ABCDEFGH")):
    """Symbols of which both arms have some."""
    split = Split(0.5, "salt")
    assert set(arms_of(split, names)) == {CHAMPION, CHALLENGER}
    return split, names


@given(st.text(), shares, st.text())
def test_a_key_is_always_of_the_same_arm(key, share, salt):
    one, other = Split(share, salt), Split(share, salt)
    drawn = {each.takes(key) for each in (one, other, one)}
    assert len(drawn) == 1
    assert {bool(one.rows("x", (key,) * 3, 3).all()), bool(other.rows(key, None, 1)[0])} == drawn


def test_a_draw_is_what_it_was_when_it_was_written():
    """Another draw would move symbols from one arm to the other when the server is updated."""
    split = Split(0.5, "models:/sp500@challenger")
    assert [name for name in "ABCDEFGHIJ" if split.takes(name)] == list("CFGH")


@given(st.text(), shares, shares, st.text())
def test_with_a_larger_share_a_challenger_keeps_what_it_had(key, share, other, salt):
    small, large = sorted((share, other))
    assert Split(small, salt).takes(key) <= Split(large, salt).takes(key)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("salt", ["", "models:/sp500@challenger", "second"])
def test_the_share_is_the_one_asked_for(share, salt):
    n, split = 20_000, Split(share, salt)
    taken = sum(split.takes(f"SYM{i}") for i in range(n))
    assert stats.binomtest(taken, n, share).pvalue > 1e-6


@given(st.text(), st.text())
def test_nobody_and_everybody(key, salt):
    assert not Split(0.0, salt).takes(key)
    assert Split(1.0, salt).takes(key)


def test_two_salts_draw_independently():
    n, one, other = 20_000, Split(0.5, "one"), Split(0.5, "other")
    both = sum(one.takes(str(i)) == other.takes(str(i)) for i in range(n))
    assert stats.binomtest(both, n, 0.5).pvalue > 1e-6


@given(symbols, st.floats(0.2, 0.8), st.text(max_size=3), st.booleans())
def test_rows_stay_in_order_and_are_answered_once(names, share, salt, short):
    split = Split(share, salt)
    arena = Arena(split, lookback=LOOKBACK - short)
    numbers = np.arange(1.0, len(names) + 1)
    scored = arena.score(asked(numbers, names))
    assert scored.signal.mean.tolist() == numbers.tolist()
    assert scored.signal.scale.tolist() == arms_of(split, names)
    parts = [np.arange(len(names)) if part.rows is None else part.rows for part in scored.parts]
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(names)))
    for part, rows in zip(scored.parts, parts, strict=True):
        assert part.signal.mean.tolist() == numbers[rows].tolist()
        assert part.asked.symbols == tuple(names[row] for row in rows)
        assert part.asked.timestamps.tolist() == rows.tolist()
        assert part.asked.windows[:, 0, 0].tolist() == numbers[rows].tolist()
        assert part.asked.windows.shape[1] == part.served.model.contract.lookback
    assert arena.seen == [scored]
    assert not arena.fallbacks


@given(st.lists(st.tuples(st.text(max_size=5), st.integers(1, 5)), min_size=1, max_size=20))
def test_requests_that_share_a_run_are_not_mixed(requests):
    """All in one turn of the loop, by their ids; every window has a number of its own."""
    split, arena = Split(0.5, "x"), Arena(Split(0.5, "x"))
    numbers = iter(range(1, 1000))
    asks = [(name, [float(next(numbers)) for _ in range(n)]) for name, n in requests]

    async def all_at_once():
        deadline = time.perf_counter() + 60
        return await asyncio.gather(
            *(
                arena.service.score(
                    SimpleNamespace(id=name, deadline=deadline), asked(own), arena.service.arms
                )
                for name, own in asks
            )
        )

    for (name, own), scored in zip(asks, asyncio.run(all_at_once()), strict=True):
        assert scored.id == name
        assert scored.signal.mean.tolist() == own
        assert scored.signal.scale.tolist() == arms_of(split, [name]) * len(own)
        assert len(scored.parts) == 1


def test_a_challenger_that_reads_less_is_given_the_latest_bars():
    arena = Arena(Split(1.0, ""), lookback=2)
    what = asked([1.0])
    what.windows[0, :, 0] = [1.0, 2.0, 3.0, 4.0]
    assert arena.score(what).parts[0].asked.windows[0, :, 0].tolist() == [3.0, 4.0]


@pytest.mark.parametrize("names", [None, tuple("ABCDEFGH")])
@pytest.mark.parametrize(
    ("kind", "break_it"),
    [
        ("failed", lambda arena: setattr(arena.theirs, "fails", RuntimeError("bug"))),
        ("queue_full", lambda arena: setattr(arena.service.arms.challenger.batcher, "waiting", 99)),
        ("not_finite", lambda arena: setattr(arena.theirs, "number", np.nan)),
    ],
)
def test_what_a_challenger_fails_to_answer_the_champion_answers(kind, break_it, names):
    split = Split(0.5, "salt") if names else Split(1.0, "")
    arena = Arena(split)
    break_it(arena)
    numbers = list(range(1, 9))
    scored = arena.score(asked(numbers, names))
    assert scored.signal.mean.tolist() == numbers
    assert set(scored.signal.scale) == {CHAMPION}
    assert {part.served.arm for part in scored.parts} == {"champion"}
    theirs = arms_of(split, names).count(CHALLENGER) if names else len(numbers)
    assert arena.fallbacks == {(kind,): theirs}


def test_a_challenger_that_is_too_slow_leaves_the_champion_time():
    arena = Arena(Split(1.0, ""))
    slow = served("challenger", arena.theirs, "2", inline_seconds=1e-9)
    arena.theirs.pause = 1.0
    arena.service.replace(Arms(arena.service.arms.champion, slow))
    scored = arena.score(asked([5.0]), seconds=0.4)
    assert scored.signal.scale.tolist() == [CHAMPION]
    assert arena.fallbacks == {("deadline",): 1}


def test_an_absent_challenger():
    split, names = mixed()
    arena = Arena(split, challenger=False)
    scored = arena.score(asked(range(1, 9), names))
    assert set(scored.signal.scale) == {CHAMPION}
    assert arena.fallbacks == {("absent",): arms_of(split, names).count(CHALLENGER)}


def test_a_champion_that_fails_is_not_helped_by_the_challenger():
    split, names = mixed()
    arena = Arena(split)
    arena.ours.number = np.inf
    with pytest.raises(InvalidWindows, match=f"window {arms_of(split, names).index(CHAMPION)}:"):
        arena.score(asked(range(1, 9), names))
    arena.service.arms.champion.batcher.waiting = 10**6
    with pytest.raises(QueueFull):
        arena.score(asked(range(1, 9), names))
    assert not arena.fallbacks


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "both"},
        {"share": 1.1},
        {"share": float("nan")},
        {"share": -0.1},
        {"shadow_windows": 0},
        {"challenger": ""},
        {"salt": ""},
    ],
)
def test_settings_outside_their_range(wrong):
    with pytest.raises(InvalidConfig, match=next(iter(wrong))):
        Experiment(**wrong)


def test_the_draw_is_by_the_challengers_uri_unless_a_salt_is_stated():
    def drawn(*settings, **more):
        split = Experiment(*settings, share=0.5, **more).split
        return [split.takes(name) for name in "ABCDEFGHIJKLMNOP"]

    uri = "models:/m@challenger"
    assert drawn(uri) == drawn("models:/m/2", salt=uri) != drawn(uri, salt="2")


def test_who_is_served_beside_the_champion():
    assert Experiment().sources == ()
    assert Experiment("models:/m/2").sources == (Source("shadow", "models:/m/2"),)
    assert Experiment("models:/m/2", "split").sources == (Source("challenger", "models:/m/2"),)


@pytest.fixture(scope="module")
def market(small_frame):
    """Bars of twelve symbols, those of AAA from another day on each."""
    bars = small_frame[small_frame["symbol"] == "AAA"]
    parts = [bars.iloc[i : i + 300].assign(symbol=f"S{i}") for i in range(12)]
    return pd.concat(parts, ignore_index=True)


def test_symbols_are_split_on_a_server(saved_package, other_saved_package, market):
    uri = str(other_saved_package)
    experiment = Experiment(uri, "split", 0.5)
    ours, theirs = (flavor.load_model(str(each)) for each in (saved_package, uri))
    mine = {
        name: theirs if experiment.split.takes(name) else ours for name in market["symbol"].unique()
    }
    assert set(map(id, mine.values())) == {id(ours), id(theirs)}
    expected = {
        name: mine[name].signal(bars).iloc[0] for name, bars in market.groupby("symbol", sort=False)
    }
    settings = ServingSettings(str(saved_package), experiment=experiment)
    with serving(settings) as running:
        answers = [running.post(split_of(market)) for _ in range(2)]
    assert [each.status for each in answers] == [200, 200], answers[0].body
    versions = {}
    rows = json.loads(answers[0].body)["predictions"]
    assert rows == json.loads(answers[1].body)["predictions"]
    for row in rows:
        right = expected[row["symbol"]]
        for name in ("mean", "scale", "probability_up", "strength"):
            assert row[name] == pytest.approx(float(right[name]), rel=1e-4, abs=1e-9)
        versions.setdefault(id(mine[row["symbol"]]), set()).add(row["model_version"])
    assert all(len(each) == 1 for each in versions.values())
    assert len(set.union(*versions.values())) == 2
    assert len(answers[0].headers["x-ordinis-model"].split(", ")) == 2


def test_requests_of_windows_are_split_by_their_id_and_an_alias_is_followed(
    shelf, saved_package, other_saved_package, small_windows
):
    """Nobody holds the alias, somebody does, nobody does again: every request is answered."""
    shelf.add(saved_package), shelf.add(other_saved_package)
    shelf.point("1")
    experiment = Experiment(f"models:/{shelf.name}@challenger", "split", 0.5)
    names = [f"request-{i}" for i in range(12)]
    theirs = {name for name in names if experiment.split.takes(name)}
    assert 0 < len(theirs) < len(names)
    often = Following(reload_seconds=0.05, hint_seconds=0.02, longest_seconds=0.05)
    settings = ServingSettings(shelf.uri, experiment=experiment, following=often)
    body = {"inputs": small_windows[:2].tolist()}

    def by(running):
        answers = {name: running.post(body, **{"X-Request-Id": name}) for name in names}
        assert {each.status for each in answers.values()} == {200}
        return {name: each.headers["x-ordinis-model"] for name, each in answers.items()}

    one, two = f"{shelf.name}/1", f"{shelf.name}/2"
    champion_alone = dict.fromkeys(names, one)
    with serving(settings) as running:
        assert by(running) == champion_alone
        assert b'fallback_windows_total{kind="absent"}' in running.ask("GET", "/metrics").body
        shelf.point("2", "challenger")
        until(lambda: by(running) == {n: two if n in theirs else one for n in names})
        shelf.unpoint("challenger")
        until(lambda: by(running) == champion_alone)
        assert b'model_info{arm="challenger"' not in running.ask("GET", "/metrics").body
