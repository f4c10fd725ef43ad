"""Suspicious bars are set aside where they can be found, and come in when they are accepted."""

import pandas as pd
import pytest
from own_store import files, words

from flows.ingest import main
from ordinis_mlflow.bars import COLUMNS, Bars
from ordinis_mlflow.errors import TooFewBars
from ordinis_mlflow.store import quarantined, read, read_manifest

PRICES = list(COLUMNS[:4])
N = 400  # of the 420 bars that there are: the others come later


@pytest.fixture
def ingested(flow, store, tmp_path):
    """Ingest a table; the run."""

    def call(frame, dataset, **options):
        path = tmp_path / f"{dataset}.parquet"
        frame.to_parquet(path)
        return flow(main, bars=path, symbol="AAA", **options)

    return call


def held(store, dataset):
    return read(store.files, store.catalogue.head(dataset)).bars()


def digest(frame):
    return Bars.from_frame(frame, symbol="AAA").digest()


def stale(frame):
    frame.loc[200:204, PRICES] = frame.loc[199, "close"]
    return range(200, 205), 5


def jump(frame):
    frame.loc[200, PRICES] *= 2.5
    return range(200, 201), 1


def split(frame):
    frame.loc[380:, PRICES] /= 2.0
    return range(380, N), 1


def weekend(frame):
    import exchange_calendars

    calendar = exchange_calendars.get_calendar("XNYS", start="2015-01-01", end="2019-12-31")
    days = calendar.sessions[: len(frame)].tz_localize("UTC")
    friday = next(row for row in range(200, 210) if days[row].dayofweek == 4)
    saturday = days.insert(friday + 1, days[friday] + pd.Timedelta("1D"))
    frame["timestamp"] = saturday[: len(frame)]
    return range(friday + 1, friday + 2), 1


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (stale, "stale_prices"),
        (jump, "outlier_jumps"),
        (split, "splits"),
        (weekend, "bars_outside_sessions"),
    ],
)
def test_what_is_suspicious_is_set_aside_until_it_is_accepted(
    spoil, check, frame, ingested, store, flow, capsys
):
    """The whole life of a suspicious bar: set aside, read, accepted, and never asked for again."""
    whole = frame.copy()
    bad, observed = spoil(whole)
    first, others = whole[:N], whole[:N].drop(index=list(bad))
    options = {"calendar": "XNYS"} if spoil is weekend else {}

    done = ingested(first, check, **options)
    tags, metrics = done.data.tags, done.data.metrics
    assert held(store, check).digest() == digest(others)
    assert metrics["ingest/quarantined_bars"] == len(bad)
    assert metrics[f"quality/{check}"] == observed
    assert tags[f"ordinis.verdict.{check}"].startswith(f"{check} FAILED: symbol 'AAA', ")
    failed = [name for name, value in tags.items() if "verdict" in name and " FAILED: " in value]
    assert failed == [f"ordinis.verdict.{check}"]

    apart = pd.read_parquet(tags["ordinis.quarantine"])
    assert tags["ordinis.quarantine"] in capsys.readouterr().out
    (came,) = store.catalogue.ingests(store.catalogue.head(check))
    assert quarantined(store, came).equals(apart)
    assert set(apart["check"]) == {check}
    assert apart["reason"].str.contains(str(first["timestamp"][bad[0]]), regex=False).all()
    assert digest(apart[["timestamp", *COLUMNS]]) == digest(first.loc[list(bad)])

    done = flow(main, bars=tags["ordinis.quarantine"], dataset=check, accept=check, **options)
    assert done.data.metrics["ingest/new_rows"] == len(bad)
    assert held(store, check).digest() == digest(first)

    # What was accepted once is no reason to set anything aside the next day.
    done = ingested(whole, check, **options)
    assert done.data.metrics["ingest/quarantined_bars"] == 0
    assert done.data.metrics["ingest/new_rows"] == len(whole) - N
    assert held(store, check).digest() == digest(whole)


def test_a_second_split_is_found_behind_an_accepted_one(frame, ingested, store):
    whole = frame.copy()
    whole.loc[200:, PRICES] /= 2.0
    whole.loc[N + 5 :, PRICES] /= 3.0
    ingested(whole[:N], "twice", accept="splits")
    done = ingested(whole, "twice")
    assert done.data.metrics["quality/splits"] == 2
    assert done.data.metrics["ingest/quarantined_bars"] == len(whole) - N - 5
    assert held(store, "twice").digest() == digest(whole[: N + 5])


def test_a_missing_session_is_told_and_nothing_is_set_aside(frame, ingested, store):
    gap = frame.drop(index=range(100, 110))
    done = ingested(gap, "gap", calendar="24/7")
    assert done.data.metrics["quality/missing_sessions_share"] == pytest.approx(10 / len(frame))
    said = done.data.tags["ordinis.verdict.missing_sessions_share"]
    assert "FAILED: symbol 'AAA' lacks 10 sessions of 24/7, the first 2020-04-10" in said
    assert done.data.metrics["ingest/quarantined_bars"] == 0
    assert held(store, "gap").digest() == digest(gap)


def test_corrections_are_judged_among_the_bars_around_them(frame, ingested, store):
    """A file of two corrections: one is a bad tick, which only its neighbours can show."""
    ingested(frame, "corrections")
    wrong = frame.loc[[200, 300]].copy()
    wrong.loc[200, "volume"] += 1.0
    wrong.loc[300, PRICES] *= 2.5  # the file's last bar: only what is known shows what follows it
    done = ingested(wrong, "corrections", calendar="24/7")
    assert done.data.metrics["quality/outlier_jumps"] == 1
    assert done.data.metrics["quality/missing_sessions_share"] == 0
    assert done.data.metrics["ingest/quarantined_bars"] == 1
    right = frame.copy()
    right.loc[200, "volume"] += 1.0
    assert held(store, "corrections").digest() == digest(right)


def test_no_revision_of_a_suspicious_bar_is_lost(frame, ingested, store):
    stated = frame.assign(known_at=frame["timestamp"] + pd.Timedelta("1D"))
    tick = stated.loc[[200]].assign(known_at=pd.Timestamp("2022-01-01", tz="UTC"))
    tick[PRICES] *= 2.5
    done = ingested(pd.concat([stated, tick]), "revised")
    apart = pd.read_parquet(done.data.tags["ordinis.quarantine"])
    assert list(apart["known_at"]) == [stated["known_at"][200], tick["known_at"][200]]
    assert list(apart["close"]) == [stated["close"][200], tick["close"][200]]
    assert read_manifest(store.files, store.catalogue.head("revised")).rows == len(frame) - 1


@pytest.mark.parametrize("stated", [False, True])
def test_a_day_of_nothing_but_a_bad_tick_is_set_aside_and_told(stated, frame, ingested, store):
    name = f"tick {stated}"
    if stated:
        frame = frame.assign(known_at=frame["timestamp"] + pd.Timedelta("1D"))
    before = ingested(frame, name).data.tags["ordinis.snapshot"]
    tick = frame.loc[[200]].copy()
    tick[PRICES] *= 2.5
    if stated:
        tick["known_at"] = pd.Timestamp("2022-01-01", tz="UTC")
    done = ingested(tick, name)
    assert done.data.tags["ordinis.snapshot"] == before == store.catalogue.head(name)
    assert done.data.metrics["ingest/new_rows"] == 0
    assert done.data.metrics["ingest/quarantined_bars"] == 1
    assert "FAILED" in done.data.tags["ordinis.verdict.outlier_jumps"]
    apart = pd.read_parquet(done.data.tags["ordinis.quarantine"])
    assert list(apart["close"]) == list(tick["close"])


def test_a_file_of_nothing_but_suspicious_bars_makes_no_data_set(frame, store, run_ids, tmp_path):
    path = tmp_path / "still.csv"
    still = frame[:8].assign(**dict.fromkeys(PRICES, 7.0))
    saturdays = pd.date_range("2020-01-04", periods=8, freq="7D", tz="UTC")
    still.assign(timestamp=saturdays).to_csv(path, index=False)
    before = run_ids(), files(store)
    with pytest.raises(TooFewBars, match=r"every bar .* day without a session; .* accept bars_out"):
        main(words(bars=path, calendar="XNYS"))
    assert (run_ids(), files(store)) == before
    assert store.catalogue.dataset("still") is None
