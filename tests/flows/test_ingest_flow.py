"""Ingest: from every kind of source into a data set, each bar with the time it became known."""

import time

import mlflow
import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from own_store import files, words

from flows.command_line import run
from flows.ingest import main
from flows.source import URL_VARIABLE
from ordinis_mlflow.bars import Bars, read_dataset
from ordinis_mlflow.errors import InvalidConfig, InvalidRevisions
from ordinis_mlflow.quality.inspection import CHECKS
from ordinis_mlflow.store import read, read_manifest

DAY = 86_400 * 10**9
SECRET = "hunter2hunter2"
ALL_CHECKS = {"missing_sessions_share", *CHECKS}


@pytest.fixture
def bars_file(tmp_path):
    """Write a table of bars where flows can read it."""

    def write(frame, name="daily.csv"):
        path = tmp_path / name
        if path.suffix == ".csv":
            frame.to_csv(path, index=False)
        else:
            frame.to_parquet(path)
        return path

    return write


@pytest.fixture
def take(flow, store):
    """Ingest a file; the run and the manifest of the data set's newest snapshot."""

    def call(path, dataset, **options):
        done = flow(main, bars=path, dataset=dataset, symbol="AAA", **options)
        return done, read_manifest(store.files, store.catalogue.head(dataset))

    return call


def digest(frame):
    return Bars.from_frame(frame, symbol="AAA").digest()


def seen(store, manifest, moment):
    """The rows that were known at a moment."""
    return read(store.files, manifest.name, moment).frame


@pytest.mark.parametrize("kind", ["csv", "parquet", "sql"])
def test_every_source_gives_the_same_bars(
    kind, frame, bars_file, flow, store, tmp_path, monkeypatch
):
    options = {"bars": "sql", "query": "select * from bars order by timestamp", "timezone": "UTC"}
    if kind == "sql":
        url = f"sqlite:///{tmp_path / SECRET}.db"
        rows = frame.assign(timestamp=frame["timestamp"].dt.strftime("%Y-%m-%d %H:%M:%S"))
        engine = sa.create_engine(url)
        rows.to_sql("bars", engine, index=False)
        engine.dispose()
        monkeypatch.setenv(URL_VARIABLE, url)
    else:
        options = {"bars": bars_file(frame, f"daily.{kind}")}
    done = flow(main, dataset=kind, symbol="AAA", **options)
    head = store.catalogue.head(kind)
    assert read(store.files, head).bars().digest() == digest(frame)
    (came,) = store.catalogue.ingests(head)
    assert (came.source, came.rows, came.quarantined) == (str(options["bars"]), len(frame), 0)
    # Parameters, tags and the catalogue are read by many: the database's URL is in none of them.
    said = [str(done.to_dictionary()).encode(), repr(came).encode()]
    said += [path.read_bytes() for path in files(store)]
    assert not any(SECRET.encode() in text for text in said)


def test_a_named_data_set_is_held_against_its_exchange(flow, store):
    done = flow(main, bars="sp500")
    manifest = read_manifest(store.files, store.catalogue.head("sp500"))
    assert read(store.files, manifest.name).bars().digest() == read_dataset("sp500").digest()
    said = done.data.tags["ordinis.verdict.missing_sessions_share"]
    assert said.startswith("missing_sessions_share passed: every session of XNYS has a bar")


def test_the_run_says_what_came_in(frame, bars_file, take, store, capsys):
    done, manifest = take(bars_file(frame), "told")
    printed = capsys.readouterr().out
    (used,) = done.inputs.dataset_inputs
    assert used.dataset.digest == manifest.name
    assert {tag.key: tag.value for tag in used.tags} == {"mlflow.data.context": "ingest"}
    assert done.data.tags["ordinis.dataset"] == "told"
    assert done.data.tags["ordinis.snapshot"] == manifest.name
    assert done.data.params["stale_bars"] == "5"
    assert done.data.metrics["ingest/new_rows"] == len(frame)
    assert done.data.metrics["ingest/quarantined_bars"] == 0
    assert "ordinis.quarantine" not in done.data.tags
    for name in ALL_CHECKS:
        assert done.data.metrics[f"quality/{name}"] == 0
        assert done.data.tags[f"ordinis.verdict.{name}"] in printed
    loaded = mlflow.data.get_source(used.dataset).load()
    assert loaded.equals(read(store.files, manifest.name).frame)


def test_the_same_file_again_adds_nothing(frame, bars_file, take, store, capsys):
    path = bars_file(frame)
    _, first = take(path, "again")
    before = files(store)
    capsys.readouterr()
    done, second = take(path, "again", stale_bars=4)
    assert second == first
    assert files(store) == before
    assert done.data.metrics["ingest/new_rows"] == 0
    # Only what this ingest found, and not what earlier ones of the same bars did.
    assert capsys.readouterr().out.count(" passed: ") == len(ALL_CHECKS)


def test_a_longer_file_extends(frame, bars_file, take, store):
    _, first = take(bars_file(frame[:400]), "longer")
    done, second = take(bars_file(frame), "longer")
    assert done.data.metrics["ingest/new_rows"] == len(frame) - 400
    assert read(store.files, second.name).bars().digest() == digest(frame)
    known = int(frame["timestamp"].iloc[400].value)  # bar 399 ends where bar 400 begins
    assert seen(store, second, known).equals(read(store.files, first.name).frame)
    assert len(seen(store, second, known - 1)) == 399
    assert [each.snapshot for each in store.catalogue.ingests(second.name)] == [
        second.name,
        first.name,
    ]


@pytest.mark.parametrize("case", ["corrected", "late"])
def test_a_corrected_or_late_bar_leaks_into_no_earlier_view(case, frame, bars_file, take, store):
    earlier = frame.drop(index=200) if case == "late" else frame.assign()
    if case == "corrected":
        earlier.loc[200, "volume"] += 1.0
    _, first = take(bars_file(earlier), case)
    moment = time.time_ns()
    done, second = take(bars_file(frame), case)
    assert done.data.metrics["ingest/new_rows"] == 1
    assert second.rows == first.rows + 1
    now = read(store.files, second.name)
    assert now.bars().digest() == digest(frame)
    assert now.known[200] > moment  # and not a day after the bar's own time
    assert (np.delete(now.known, 200) == np.delete(now.times, 200) + DAY).all()
    for view in (moment, int(now.known[200]) - 1):
        assert read(store.files, second.name, view).bars().digest() == digest(earlier)
    assert read(store.files, first.name).bars().digest() == digest(earlier)


def test_a_bar_is_known_when_the_data_set_says(frame, bars_file, take, store):
    path = bars_file(frame[:400])
    _, first = take(path, "evening", known_after="16h")
    panel = read(store.files, first.name)
    assert set(panel.known - panel.times) == {16 * DAY // 24}
    with pytest.raises(InvalidConfig, match="0 days 16:00:00 after their time, not 1 days"):
        main(words(bars=path, dataset="evening", symbol="AAA", known_after="1D"))
    assert store.catalogue.head("evening") == first.name
    _, second = take(bars_file(frame), "evening")
    panel = read(store.files, second.name)
    assert set(panel.known - panel.times) == {16 * DAY // 24}


def test_a_source_may_state_when_each_row_was_known(frame, bars_file, take, store):
    stated = frame.assign(known_at=frame["timestamp"] + pd.Timedelta("2D"))
    corrected = stated[200:201].assign(volume=1.0, known_at=pd.Timestamp("2022-01-01", tz="UTC"))
    both = pd.concat([stated, corrected])
    _, made = take(bars_file(both), "stated")
    later = int(pd.Timestamp("2022-01-01", tz="UTC").value)
    assert read(store.files, made.name, later - 1).bars().digest() == digest(frame)
    assert read(store.files, made.name, later).values[200, 4] == 1.0
    _, same = take(bars_file(both), "stated")
    assert same == made


def test_a_known_time_before_the_bars_own_is_refused(frame, bars_file, run_ids):
    path = bars_file(frame.assign(known_at=frame["timestamp"] - pd.Timedelta("1h")))
    before = run_ids()
    with pytest.raises(InvalidRevisions, match="before its own time"):
        main(words(bars=path, dataset="early", symbol="AAA"))
    assert run_ids() == before


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"accept": "jumps"}, r"accept names \['jumps'\]; the checks are"),
        ({"known_after": "soon"}, "known_after 'soon' is no duration; write 1D or 16h"),
        ({"known_after": "5"}, "known_after '5' is no duration"),  # five nanoseconds are not meant
        ({"known_after": "-1D"}, "known_after must be 0 or more"),
        ({"stale_bars": 1}, "stale_bars must be at least 2, got 1"),
        ({"jump_sigmas": "nan"}, "jump_sigmas must be at least 3, got nan"),
        ({"max_missing": 2}, "max_missing must be between 0 and 1.0, got 2.0"),
        ({"calendar": "NOPE"}, "calendar 'NOPE' cannot be used"),
        ({"bars": "sql"}, "bars=sql needs a query"),
        ({"bars": "sql", "query": "select 1"}, f"reads its URL from {URL_VARIABLE}"),
        ({"bars": f"sqlite:///{SECRET}.db"}, "bars must not be a URL"),
        ({"bars": "missing.csv"}, "there is no file missing.csv"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line_before_there_is_a_run(
    wrong, reason, frame, bars_file, store, run_ids, monkeypatch
):
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    options = {"bars": bars_file(frame), "dataset": "refused", "symbol": "AAA"} | wrong
    monkeypatch.setattr("sys.argv", ["ingest", *words(**options)])
    before = run_ids(), files(store)
    with pytest.raises(SystemExit, match=f"^error: .*{reason}") as left:
        run(main)
    assert "\n" not in left.value.code
    assert SECRET not in left.value.code
    assert (run_ids(), files(store)) == before
    assert store.catalogue.dataset("refused") is None
