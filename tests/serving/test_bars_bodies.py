"""Bars as they are, in every form: the answer is the latest signal of each symbol."""

import json
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from signal_server import serving
from table_bodies import (
    FILE,
    JSON,
    PARQUET,
    STREAM,
    arrow,
    arrow_file,
    parquet,
    records,
    split,
    written,
)

from ordinis_mlflow.serving.settings import ServingSettings

pytestmark = pytest.mark.usefixtures("tracking_store")
DAY = pd.Timestamp("2020-01-01", tz="UTC")
ISO = "%Y-%m-%dT%H:%M:%SZ"


@pytest.fixture(scope="module")
def server(saved_package):
    with serving(ServingSettings(model=str(saved_package))) as running:
        yield running


def split_without_index(frame):
    return json.dumps({"dataframe_split": written(frame).to_dict("split", index=False)}).encode()


FORMS = {
    "split": (JSON, split),
    "split without index": (JSON, split_without_index),
    "records": (JSON, records),
    "parquet": (PARQUET, parquet),
    "parquet of text times": (PARQUET, lambda f: parquet(written(f))),
    "parquet, zstd, version 2": (
        PARQUET,
        lambda f: parquet(f, compression="zstd", data_page_version="2.0", row_group_size=50),
    ),
    "parquet, gzip, no dictionaries": (
        PARQUET, lambda f: parquet(f, compression="gzip", use_dictionary=False)
    ),
    "parquet of categories": (PARQUET, lambda f: parquet(f.astype({"symbol": "category"}))),
    "parquet of float32 and whole numbers": (
        PARQUET, lambda f: parquet(f.astype({"volume": "int64"}))
    ),
    "stream": (STREAM, arrow),
    "stream of categories": (STREAM, lambda f: arrow(f.astype({"symbol": "category"}))),
    "stream of text times": (STREAM, lambda f: arrow(written(f))),
    "file": (FILE, arrow_file),
}  # fmt: skip


@pytest.fixture(scope="module")
def frame(small_frame):
    return small_frame.assign(volume=small_frame["volume"].round())


def expected(model, bars):
    """What the model says by itself, as it is answered."""
    latest = model.signal(bars)
    latest["timestamp"] = latest["timestamp"].dt.strftime(ISO)
    return latest.to_dict("records")


def agree(answered, wanted):
    for one, other in zip(answered, wanted, strict=True):
        assert one.keys() == other.keys()
        for name, value in other.items():
            same = value if isinstance(value, str) else pytest.approx(value, rel=1e-5, abs=1e-9)
            assert one[name] == same


def version_apart(answer):
    told = json.loads(answer.body, parse_constant=pytest.fail)["predictions"]
    assert {each.pop("model_version") for each in told} == {
        answer.headers["x-ordinis-model"].rpartition("/")[2]
    }
    return told


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gets_the_models_own_answer(form, server, small_model, frame):
    media, write = FORMS[form]
    answer = server.post(write(frame), media)
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"] == JSON
    told = version_apart(answer)
    assert [list(each)[:2] for each in told] == [["symbol", "timestamp"]] * 2
    agree(told, expected(small_model, frame))


def test_names_of_columns_as_bars_have_them(server, small_model, frame):
    renamed = frame.rename(
        columns={"symbol": "Ticker", "timestamp": "Date", "close": "Close", "volume": "VOL"}
    ).assign(Note="x")
    agree(version_apart(server.post(parquet(renamed), PARQUET)), expected(small_model, frame))


def test_adjusted_closes_are_applied(server, small_model, frame):
    adjusted = frame.assign(**{"Adj Close": frame["close"] * np.linspace(0.5, 1.0, len(frame))})
    for write, media in ((parquet, PARQUET), (arrow, STREAM), (records, JSON)):
        answer = server.post(write(adjusted), media)
        agree(version_apart(answer), expected(small_model, adjusted))


def test_numbers_as_symbols(server, small_model, frame):
    ids = frame.assign(symbol=frame["symbol"].map({"AAA": 7, "BBB": 3}))
    for write, media in ((parquet, PARQUET), (arrow, STREAM), (split, JSON)):
        answer = server.post(write(ids), media)
        assert [each["symbol"] for each in version_apart(answer)] == ["7", "3"]


def test_times_of_another_zone_and_within_a_second(server, frame):
    offset = pd.Timedelta(hours=2) + pd.Timedelta(nanoseconds=5)
    moved = frame.assign(timestamp=(frame["timestamp"] + offset).dt.tz_convert("Asia/Tokyo"))
    told = version_apart(server.post(parquet(moved), PARQUET))
    assert {each["timestamp"] for each in told} == {"2021-02-23T02:00:00.000000005Z"}


@pytest.mark.parametrize("media", [PARQUET, STREAM, FILE])
@pytest.mark.parametrize("asked", ["bars", "windows"])
def test_an_answer_in_the_form_that_is_asked_for(media, asked, server, frame, small_windows):
    body, sent = (
        (parquet(frame), PARQUET)
        if asked == "bars"
        else (json.dumps({"inputs": small_windows[:3].tolist()}).encode(), JSON)
    )
    plain = json.loads(server.post(body, sent).body)["predictions"]
    answer = server.post(body, sent, Accept=f"text/html, {media};q=0.9, {JSON};q=0.5")
    assert (answer.status, answer.headers["content-type"]) == (200, media)
    reader = {
        PARQUET: lambda b: pq.read_table(pa.BufferReader(b)),
        STREAM: lambda b: pa.ipc.open_stream(b).read_all(),
        FILE: lambda b: pa.ipc.open_file(b).read_all(),
    }[media]
    told = reader(answer.body).to_pandas()
    if asked == "bars":
        assert str(told["timestamp"].dtype) == "datetime64[ns, UTC]"
        told["timestamp"] = told["timestamp"].dt.strftime(ISO)
    agree(told.to_dict("records"), plain)


@pytest.mark.parametrize(
    "accept", ["*/*", "text/html", f"{PARQUET};q=0", f"{PARQUET};q=x", f"{JSON}, {PARQUET}", ",;,"]
)
def test_json_where_nothing_else_is_liked_better(accept, server, frame):
    assert server.post(parquet(frame), PARQUET, Accept=accept).headers["content-type"] == JSON


CHANGES = {
    "no symbol": (lambda f: f.drop(columns="symbol"), "no symbol column"),
    "no volume": (lambda f: f.drop(columns="volume"), "columns are missing: volume"),
    "no column of bars": (lambda f: f[[]].assign(x=1.0), "none of the columns|is empty"),
    "no rows": (lambda f: f.iloc[:0], "is empty"),
    "too few": (lambda f: f.groupby("symbol").head(20), "has 20 bars"),
    "another frequency": (
        lambda f: f.assign(timestamp=DAY + (f["timestamp"] - DAY) * 7),
        "apart",
    ),
    "unsorted": (lambda f: f.iloc[::-1], "sort each symbol's rows"),
    "twice": (lambda f: pd.concat([f, f.iloc[-1:]]), "occurs twice"),
    "a missing close": (lambda f: f.assign(close=f["close"].where(f.index != 9)), "close"),
    "a negative volume": (lambda f: f.assign(volume=-1.0), "volume -1.0 is negative"),
    "an endless close": (lambda f: f.assign(close=np.inf), "close"),
    "text as numbers": (lambda f: f.assign(close=f["close"].astype(str)), "close"),
    "truth as numbers": (lambda f: f.assign(volume=True), "volume"),
    "an empty symbol": (lambda f: f.assign(symbol=" "), "symbol is empty"),
    "a symbol as a number with a point": (lambda f: f.assign(symbol=1.5), "symbol"),
    "a long symbol": (lambda f: f.assign(symbol="S" * 65), "65 characters"),
    "two columns of one meaning": (lambda f: f.assign(Last=f["close"]), "both mean close"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("form", ["split", "records", "parquet", "stream"])
def test_what_breaks_a_rule_is_refused(change, form, server, frame):
    media, write = FORMS[form]
    alter, rule = CHANGES[change]
    try:
        body = write(alter(frame))
    except (ValueError, KeyError):
        pytest.skip("cannot be written in this form")
    no_json = media == JSON and (b"NaN" in body or b"Infinity" in body)
    refused(server.post(body, media), "is not JSON" if no_json else rule)


def refused(answer, rule, status=400):
    assert answer.status == status, answer.text[:300]
    told = json.loads(answer.body)
    assert told.keys() == {"error_code", "message"}
    assert len(answer.body) < 700
    assert b"\n" not in answer.body
    if rule:
        assert re.search(rule, told["message"]), told["message"]


def test_times_without_a_zone_are_refused(server, frame):
    naive = frame.assign(timestamp=frame["timestamp"].dt.tz_localize(None))
    refused(server.post(parquet(naive), PARQUET), "timestamps with a time zone")
    refused(server.post(arrow(naive), STREAM), "timestamps with a time zone")
    text = json.dumps({"dataframe_records": written(frame, "").to_dict("records")}).encode()
    refused(server.post(text, JSON), "no time zone")


@pytest.mark.parametrize("value", [1577836800, 1577836800.5, None, True, [], "1577836800", "today"])
def test_times_that_are_no_iso_8601_are_refused(value, server, frame):
    body = {"dataframe_records": written(frame).assign(timestamp=None).to_dict("records")}
    for record in body["dataframe_records"]:
        record["timestamp"] = value
    refused(server.post(body), "timestamp")


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({"columns": ["a"], "data": [[1], [1, 2]]}, "row 1 has 2 cells"),
        ({"columns": ["close"], "data": []}, "is empty"),
        ({"columns": [], "data": [[]] * 9}, "is empty"),
        ({"columns": ["close"], "data": [[1]]}, "no symbol column"),
        ({"data": []}, "columns"),
        ({"columns": [1], "data": [[1]]}, "str"),
        ([], "object"),
        ({"columns": ["close", "symbol"], "data": [[10**400, "A"]]}, "out of range"),
    ],
)
def test_tables_that_are_none(body, rule, server):
    refused(server.post({"dataframe_split": body}), rule)


def test_records_of_different_columns_are_refused(server, frame):
    listed = written(frame).to_dict("records")
    del listed[7]["volume"]
    refused(server.post({"dataframe_records": listed}), "record 7 has other columns")
    refused(server.post({"dataframe_records": [1]}), "object")
    refused(server.post({"dataframe_records": []}), "is empty")


def test_a_table_of_too_many_rows_is_refused_before_it_is_read(server):
    rows = 2**21 + 1
    table = pa.table({"symbol": pa.array(["A"]).take(pa.array(np.zeros(rows, int)))})
    refused(server.post(parquet(table), PARQUET), "rows", 413)
    refused(server.post(arrow(table.slice(0, 9)), STREAM), "missing")


def test_more_symbols_than_a_request_may_have(server, small_model, frame):
    lookback = small_model.contract.lookback
    one = frame[frame["symbol"] == "AAA"].tail(lookback)
    many = pd.concat([one] * 4097).assign(symbol=np.repeat(np.arange(4097), lookback))
    refused(server.post(parquet(many), PARQUET), "4096 windows", 413)


def test_it_still_stands(server):
    assert server.alive()
    assert server.log.read_text() == ""
