"""The entry point compare: a prediction log and bars to runs that stand beside each other."""

import io

import mlflow
import numpy as np
import pandas as pd
import pytest
from own_store import words
from predictions_made import Tally, keeping
from scipy import stats

from flows import compare
from flows.compare import CompareOptions
from ordinis_mlflow.errors import InvalidConfig, PredictionLogError
from ordinis_mlflow.prediction_log import PredictionLog, Predictions, Source
from ordinis_mlflow.signal import Signal

NU, SYMBOLS, BARS, SCALE = 6, ("AAA", "BBB", "CCC", "DDD"), 90, 0.012
FIRST_BAR = 30
"""Of those that were asked about."""


def signal(mean):
    mean = np.asarray(mean, np.float32)
    up = stats.t.cdf(mean / SCALE, NU).astype(np.float32)
    return Signal(
        mean, np.full_like(mean, SCALE), up, np.sign(mean).astype(np.int64), abs(2 * up - 1)
    )


def source(arm, version, horizon=1):
    return Source(arm, "sp500", version, "technical@1", "ab" * 32, horizon, NU)


class Market:
    """Bars of some symbols, and the log return after each."""

    def __init__(self, folder):
        rng = np.random.default_rng(0)
        self.times = pd.date_range("2024-01-01", periods=BARS, freq="D", tz="UTC")
        self.close = 100 * np.exp(
            np.cumsum(SCALE * rng.standard_t(NU, (len(SYMBOLS), BARS)), axis=1)
        )
        self.realised = np.diff(np.log(self.close), axis=1)
        frames = [
            pd.DataFrame({"symbol": name, "timestamp": self.times, "close": close, "volume": 1e6})
            for name, close in zip(SYMBOLS, self.close, strict=True)
        ]
        frame = pd.concat(frames).assign(
            open=lambda f: f["close"], high=lambda f: f["close"], low=lambda f: f["close"]
        )
        self.file = folder / "bars.parquet"
        frame.to_parquet(self.file)

    def said(self, who, bar, symbols, knows, request_id=None):
        """What an arm says of symbols at a bar: a share of what will happen, plus noise."""
        rng = np.random.default_rng([bar, len(who.arm), *symbols])
        will = self.realised[list(symbols), bar] if bar < BARS - 1 else np.zeros(len(symbols))
        mean = knows * will + 0.3 * SCALE * rng.standard_normal(len(symbols))
        at = np.full(len(symbols), self.times[bar].as_unit("ns").value)
        names = tuple(SYMBOLS[each] for each in symbols)
        answered = int(at[0]) + 3600 * 10**9
        return Predictions(
            *(who, request_id or f"{who.arm}-{bar}", answered, signal(mean)),
            **{"symbols": names, "bar_times": at, "rows": np.array(symbols)},
        )


def write(folder, predictions):
    log = PredictionLog(keeping(folder), Tally())
    for each in predictions:
        log.add(each)
    log.start()
    log.stop()


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return Market(tmp_path_factory.mktemp("market"))


@pytest.fixture(scope="module")
def shadowed(market, tmp_path_factory):
    """A champion, replaced half-way, and a better shadow of each of its answers."""
    folder = tmp_path_factory.mktemp("shadowed")
    every = range(len(SYMBOLS))
    made = []
    for bar in range(FIRST_BAR, BARS):
        champion = source("champion", "1" if bar < 60 else "2")
        made += [
            market.said(champion, bar, every, 0.0, f"r{bar}"),
            market.said(source("shadow", "3"), bar, every, 0.5, f"r{bar}"),
        ]
    write(folder, made)
    return folder


@pytest.fixture
def children(run_ids):
    """Run compare; its run, and those in it by arm and version."""

    def call(**options):
        before = run_ids()
        compare.main(words(**options))
        made = [
            each
            for each in mlflow.search_runs(output_format="list")
            if each.info.run_id not in before
        ]
        (parent,) = (each for each in made if "mlflow.parentRunId" not in each.data.tags)
        own = [each for each in made if each is not parent]
        assert {each.data.tags["mlflow.parentRunId"] for each in own} == {parent.info.run_id}
        return parent, {(e.data.params["arm"], e.data.params["version"]): e for e in own}

    return call


def test_a_shadow_is_compared_on_the_rows_that_the_champion_answered(
    children, market, shadowed, capsys
):
    parent, runs = children(log_folder=shadowed, bars=market.file, samples=200)
    assert set(runs) == {("champion", "1"), ("champion", "2"), ("shadow", "3")}
    assert {each.info.status for each in (parent, *runs.values())} == {"FINISHED"}
    shadow = runs["shadow", "3"].data.metrics
    rows = (BARS - FIRST_BAR) * len(SYMBOLS)
    assert shadow["predictions_count"] == shadow["same_rows_count"] == rows
    assert shadow["outcomes_count"] == rows - len(SYMBOLS)  # of the last bar nothing is known
    assert shadow["compared_dates_count"] == BARS - FIRST_BAR - 1

    def score(who, knows):
        """From scipy's density and the bars alone: by date, symbols together."""
        found = []
        for bar in range(FIRST_BAR, BARS - 1):
            said = market.said(who, bar, range(len(SYMBOLS)), knows).signal
            found.append(stats.t.logpdf(market.realised[:, bar], NU, said.mean, said.scale).mean())
        return np.array(found)

    gap = score(source("shadow", "3"), 0.5) - score(source("champion", "1"), 0.0)
    value = shadow["log_score_above_champion_nats"]
    assert value == pytest.approx(gap.mean(), rel=1e-5)
    assert 0 < shadow["log_score_above_champion_nats_low"] < value
    assert value < shadow["log_score_above_champion_nats_high"]
    assert {"qlike_above_champion", "crps_above_champion_units"} <= shadow.keys()
    assert shadow["ic"] > 0.5 > abs(runs["champion", "1"].data.metrics["ic"])
    assert shadow["hit_rate_share"] > 0.6
    assert 0.2 < shadow["direction_disagreement_share"] < 0.8
    out = capsys.readouterr().out
    assert "shadow 3" in out
    assert "log_score_nats" in out


def test_what_describes_a_run_and_the_table_that_holds_all(children, market, shadowed):
    parent, runs = children(log_folder=shadowed, bars=market.file, samples=50)
    one = runs["champion", "1"].data
    assert one.params["last_bar"] == market.times[59].isoformat()
    assert one.params["horizon"] == "1"
    shares = [one.metrics[f"{way}_share"] for way in ("long", "flat", "short")]
    assert sum(shares) == pytest.approx(1.0)
    assert parent.data.metrics["arms_count"] == 3
    text = mlflow.artifacts.load_text(f"{parent.info.artifact_uri}/comparison/arms.csv")
    table = pd.read_csv(io.StringIO(text), index_col="arm")
    for (arm, version), each in runs.items():
        row = table.loc[f"{arm} {version}"].dropna()
        assert row.to_dict() == pytest.approx(each.data.metrics)


def test_without_bars_signals_alone_are_compared(children, shadowed):
    _, runs = children(log_folder=shadowed)
    shadow = runs["shadow", "3"].data.metrics
    assert shadow["same_rows_count"] == shadow["predictions_count"]
    assert not {"outcomes_count", "log_score_nats"} & shadow.keys()


def test_a_challenger_of_other_symbols_is_compared_by_date(children, market, tmp_path):
    made = []
    for bar in range(FIRST_BAR, BARS):
        made += [
            market.said(source("champion", "1"), bar, (0, 1), 0.0, f"r{bar}"),
            market.said(source("challenger", "2"), bar, (2, 3), 0.5, f"r{bar}"),
        ]
    write(tmp_path, made)
    _, runs = children(log_folder=tmp_path, bars=market.file, samples=200)
    challenger = runs["challenger", "2"].data.metrics
    assert challenger["symbols_count"] == 2
    assert "same_rows_count" not in challenger
    assert challenger["compared_dates_count"] == BARS - FIRST_BAR - 1
    assert challenger["log_score_above_champion_nats"] > 0.0


def test_a_bar_that_was_asked_about_often_counts_once_and_windows_have_no_outcome(
    children, market, tmp_path
):
    made = [
        market.said(source("champion", "1"), bar, (0, 1), 0.0, f"{again}-{bar}")
        for bar in range(FIRST_BAR, BARS)
        for again in range(3)
    ]
    unknown = Predictions(source("champion", "1"), "windows", made[0].answered_at, signal([0.1]))
    write(tmp_path, [*made, unknown])
    _, runs = children(log_folder=tmp_path, bars=market.file)
    metrics = runs["champion", "1"].data.metrics
    assert metrics["predictions_count"] == 6 * (BARS - FIRST_BAR) + 1
    assert metrics["outcomes_count"] == 2 * (BARS - FIRST_BAR - 1)


def test_times_choose_what_is_compared(children, market, shadowed):
    _, runs = children(log_folder=shadowed, since=market.times[70].isoformat(), bars=market.file)
    assert set(runs) == {("champion", "2"), ("shadow", "3")}
    shadow = runs["shadow", "3"].data.metrics
    assert shadow["outcomes_count"] == 19 * len(SYMBOLS)
    assert "log_score_nats" not in shadow  # of 19 dates


def test_an_empty_log_is_refused_and_no_run_is_left(shadowed, run_ids, tmp_path):
    before = run_ids()
    with pytest.raises(InvalidConfig, match="no answer of 'nasdaq'"):
        compare.main(["--log_folder", str(shadowed), "--model", "nasdaq"])
    with pytest.raises(PredictionLogError, match="nowhere"):
        compare.main(["--log_folder", str(tmp_path / "nowhere")])
    with pytest.raises(InvalidConfig, match="no answer"):
        compare.main(["--log_folder", str(shadowed), "--until", "2023-01-01"])
    assert run_ids() == before


def test_predictions_of_several_horizons_have_no_one_outcome(market, tmp_path):
    made = [market.said(source("champion", str(h), h), 40, (0,), 0.0, f"r{h}") for h in (1, 5)]
    write(tmp_path, made)
    with pytest.raises(InvalidConfig, match=r"\[1, 5\] bars ahead"):
        compare.main(["--log_folder", str(tmp_path), "--bars", str(market.file)])


@pytest.mark.parametrize(
    "wrong", [{"since": "soon"}, {"samples": 0}, {"cost_bps": -1.0}, {"bars": "sql"}]
)
def test_options_outside_their_range(wrong):
    with pytest.raises(InvalidConfig, match=next(iter(wrong))):
        CompareOptions(**wrong)
