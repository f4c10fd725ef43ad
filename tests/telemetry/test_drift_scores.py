"""The drift monitor's file: what is written is read, and nothing else is; a scrape never fails."""

import json
import logging
import os

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families as plain

from ordinis_mlflow.errors import InvalidTelemetry
from ordinis_mlflow.telemetry import ColumnDrift, DriftScores, ServingMetrics
from ordinis_mlflow.telemetry.drift_scores import MOST_BYTES, MOST_COLUMNS

NOON = pd.Timestamp("2026-11-24 12:00", tz="America/New_York")
SCORES = DriftScores(
    "sp500",
    "3",
    NOON,
    (ColumnDrift("rsi_14", 0.25, 0.1), ColumnDrift("volatility_20", 0.0, 0.1)),
    True,
)
names = st.text(min_size=1, max_size=128).filter(str.isprintable)
columns = st.builds(
    ColumnDrift, names, st.floats(0, 1e300), st.floats(1e-300, 1e300)
)  # fmt: skip
scores = st.builds(
    DriftScores,
    names,
    names,
    st.datetimes(timezones=st.timezones()).map(lambda t: pd.Timestamp(t).tz_convert("UTC")),
    st.lists(columns, max_size=5, unique_by=lambda c: c.column).map(tuple),
    st.booleans(),
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "drift.json"


def drift(path):
    """{(name, column): value} of the drift series at /metrics."""
    text = ServingMetrics(drift=path).render()[0].decode()
    return {
        (sample.name.removeprefix("ordinis_drift_"), sample.labels.get("column")): sample.value
        for family in plain(text)
        for sample in family.samples
        if sample.name.startswith("ordinis_drift_")
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scores)
def test_what_is_written_is_read_and_exposed(path, scores):
    scores.write(path)
    assert DriftScores.read(path) == scores
    found = drift(path)
    for each in scores.columns:
        assert found["distance", each.column] == each.distance
        assert found["limit", each.column] == each.limit
    assert found["alarm", None] == scores.alarm


def test_series(path):
    SCORES.write(path)
    assert drift(path) == {
        ("distance", "rsi_14"): 0.25,
        ("distance", "volatility_20"): 0.0,
        ("limit", "rsi_14"): 0.1,
        ("limit", "volatility_20"): 0.1,
        ("alarm", None): 1,
        ("checked_timestamp_seconds", None): NOON.timestamp(),
        ("damaged", None): 0,
    }
    assert (
        b'ordinis_drift_alarm{model="sp500",version="3"} 1.0'
        in (ServingMetrics(drift=path).render()[0])
    )


def test_a_scrape_reads_what_the_monitor_has_written_since(path):
    metrics = ServingMetrics(drift=path)
    assert b"ordinis_drift" not in metrics.render()[0]
    SCORES.write(path)
    assert b"ordinis_drift_alarm" in metrics.render()[0]


def test_an_old_file_is_replaced_whole_and_nothing_is_left(path):
    path.write_text("old")
    SCORES.write(path)
    assert os.listdir(path.parent) == ["drift.json"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_write_that_fails_leaves_the_old_file(path, monkeypatch):
    SCORES.write(path)
    before = path.read_bytes()

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        DriftScores("nasdaq", "1", NOON, (), False).write(path)
    assert os.listdir(path.parent) == ["drift.json"]
    assert path.read_bytes() == before


def text(**changed):
    document = {
        "format": 1,
        "model": "sp500",
        "version": "3",
        "checked_at": "2026-11-24T12:00:00+00:00",
        "columns": [{"column": "rsi_14", "distance": 0.25, "limit": 0.1}],
        "alarm": True,
    }
    return json.dumps(document | changed).replace('"<huge>"', "9" * 5000)


def column(**changed):
    return text(columns=[{"column": "rsi_14", "distance": 0.25, "limit": 0.1} | changed])


HOSTILE = {
    "empty": "",
    "cut": text()[:-9],
    "list": "[]",
    "null": "null",
    "text": '"x"',
    "number": "1",
    "deep": "[" * 100_000,
    "deep object": '{"a":' * 50_000,
    "large": text() + " " * MOST_BYTES,
    "not UTF-8": b"\xff\xfe\xfa",
    "twice": text()[:-1] + ', "alarm": false}',
    "another format": text(format=2),
    "no format": text().replace("format", "formal"),
    "unknown key": text(colour="red"),
    "missing key": text().replace('"model"', '"modell"'),
    "alarm as a number": text(alarm=1),
    "model as a number": text(model=3),
    "name too long": text(version="3" * 129),
    "name with a line": text(version="3\nordinis_drift_alarm 0"),
    "name of half a character": text(version="\ud800"),
    "no name": text(version=""),
    "naive": text(checked_at="2026-11-24T12:00:00"),
    "now": text(checked_at="now"),
    "no time": text(checked_at="NaT"),
    "time as a number": text(checked_at=0),
    "columns as text": text(columns="rsi"),
    "columns as null": text(columns=None),
    "column twice": text(columns=[{"column": "a", "distance": 0, "limit": 1}] * 2),
    "column with more": column(colour="red"),
    "too many columns": text(
        columns=[{"column": str(i), "distance": 0, "limit": 1} for i in range(MOST_COLUMNS + 1)]
    ),
    "NaN": column(distance=float("nan")),
    "infinite": column(limit=float("inf")),
    "overflow": column(distance=0).replace('"distance": 0', '"distance": 1e999'),
    "huge": column(distance="<huge>"),
    "negative": column(distance=-1),
    "no limit": column(limit=0),
    "true": column(distance=True),
    "number as text": column(distance="0.25"),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InvalidTelemetry, match=r"drift\.json holds no drift scores"):
        DriftScores.read(path)
    assert drift(path) == {("damaged", None): 1}


def test_the_hostile_ones_are_made_of_a_good_one(path):
    path.write_text(text())
    assert DriftScores.read(path).columns == (ColumnDrift("rsi_14", 0.25, 0.1),)


def test_places_that_are_no_file(path, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for place in (tmp_path, tmp_path / "pipe", "/dev/zero", tmp_path / "loop"):
        assert drift(place) == {("damaged", None): 1}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_change_of_a_byte_breaks_a_scrape(path, data):
    content = bytearray(text().encode())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    assert drift(path)["damaged", None] in (0, 1)


def test_the_reason_is_logged_once(path, caplog):
    path.write_text("{")
    metrics = ServingMetrics(drift=path)
    with caplog.at_level(logging.WARNING):
        metrics.render()
        metrics.render()
    assert len(caplog.records) == 1
    assert "drift.json holds no drift scores" in caplog.text


def test_a_monitor_that_goes_wrong_hears_of_it():
    with pytest.raises(InvalidTelemetry, match="time zone"):
        DriftScores("sp500", "3", pd.Timestamp("2026-11-24"), (), False)
    with pytest.raises(InvalidTelemetry, match="distance of rsi_14 is out of range: nan"):
        ColumnDrift("rsi_14", float("nan"), 0.1)
    with pytest.raises(InvalidTelemetry, match="each column once"):
        DriftScores("sp500", "3", NOON, (ColumnDrift("a", 1, 1), ColumnDrift("a", 2, 1)), False)
