"""A store made to do harm: refused with a plain word, nothing outside of it read or written."""

import contextlib
import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from revision_logs import SMALL, bars, history, snapshot
from revision_logs import store as store_in

from ordinis_mlflow.errors import DamagedSnapshot, InvalidConfig, OrdinisError, UnknownSnapshot
from ordinis_mlflow.store import (
    Arrival,
    Catalogue,
    Files,
    ingest,
    materialize,
    open_store,
    read,
    read_manifest,
)
from ordinis_mlflow.store.manifest import NAME_LENGTH

SECRET = "s3cr3t-passw0rd"


@pytest.fixture
def store(tmp_path):
    made = store_in(tmp_path)
    yield made
    made.catalogue.close()


@pytest.fixture
def made(store):
    return snapshot(store, history("A", range(20)))


def content(store, made):
    return json.loads((Path(store.files.url) / f"snapshots/{made.name}.json").read_text())


def plant(store, content):
    """Write a manifest under the name that its content has: as whoever knows the format could."""
    rest = {key: value for key, value in content.items() if key not in ("format", "written_by")}
    text = json.dumps(rest, sort_keys=True)
    name = hashlib.sha256(text.encode()).hexdigest()[:NAME_LENGTH]
    (Path(store.files.url) / f"snapshots/{name}.json").write_text(json.dumps(content))
    return name


def test_a_planted_manifest_is_read_if_it_is_whole(store, made):
    assert plant(store, content(store, made)) == made.name
    assert read_manifest(store.files, made.name) == made


# Names


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "../../etc/passwd",
        "/etc/passwd",
        "x/../../y",
        "a\x00b",
        "~",
        "*",
        "s3://bucket/x",
        "ABCDEF" * 5 + "AB",
        "٣" * 32,
        "0" * 31,
        "0" * 33,
        "0" * 5000,
        "0" * 32 + "\n",
        "0" * 27 + ".json",
    ],
)
def test_names_that_are_paths_are_unknown(store, made, name):
    (Path(store.files.url).parent / "x.json").write_text("{}")
    for use in (lambda: read(store.files, name), lambda: materialize(store, name, SMALL)):
        with pytest.raises(UnknownSnapshot) as refusal:
            use()
        assert f"has no snapshot {name!r}" in str(refusal.value)


@pytest.mark.parametrize(
    "name", ["../../out", "/tmp/out", "a/b", "a\\b", "; rm -rf", "é" * 128, "%2e%2e"]
)
def test_names_of_data_sets_are_never_paths(store, tmp_path, name):
    done = ingest(store, name, Arrival("x", bars(history("A", range(9))), pd.DataFrame()))
    assert store.catalogue.head(name) == done.snapshot
    outside = [
        path
        for path in tmp_path.rglob("*")
        if Path(store.files.url) not in [path, *path.parents] and path.name != "catalogue.db"
    ]
    assert outside == []


# Links


def test_a_part_that_is_a_link_to_another_file_is_refused(store, made, tmp_path):
    outside = tmp_path / "outside.txt"
    outside.write_text(SECRET)
    path = Path(store.files.url) / made.parts[0].file
    path.unlink()
    path.symlink_to(outside)
    with pytest.raises(DamagedSnapshot) as refusal:
        read(store.files, made.name)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize("what", ["part", "manifest"])
def test_a_dangling_link_is_replaced_and_not_followed(store, made, tmp_path, what):
    name = made.parts[0].file if what == "part" else f"snapshots/{made.name}.json"
    path = Path(store.files.url) / name
    path.unlink()
    path.symlink_to(tmp_path / "outside")
    assert snapshot(store, history("A", range(20))) == made
    assert not path.is_symlink()
    assert not (tmp_path / "outside").exists()
    assert len(read(store.files, made.name)) == 20


def test_a_manifest_that_is_a_folder_is_refused(store, made):
    path = Path(store.files.url) / f"snapshots/{made.name}.json"
    path.unlink()
    path.mkdir()
    with pytest.raises(OrdinisError):
        read(store.files, made.name)


# Manifests


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"1e999",
        b"{}",
        b'{"format": 1}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"format": 1, "parts": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"format": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_manifest_of_anything_else_is_refused(store, made, data):
    (Path(store.files.url) / f"snapshots/{made.name}.json").write_bytes(data)
    with pytest.raises(DamagedSnapshot):
        read(store.files, made.name)


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


HOSTILE_FIELDS = [
    ("parts", []),
    ("parts", None),
    ("parts", [None]),
    ("parts", {"digest": "0" * 64}),
    ("columns", []),
    ("columns", [["open"]]),
    ("columns", [1, 2, 3, 4, 5]),
    ("columns", ["open", "open", "high", "low", "close"]),
    ("columns", ["symbol"]),
    ("columns", "close"),
    ("columns", ["close.list.element"]),
    ("left_out", [nested(900)]),
    ("dataset", nested(900)),
    ("bars", {"a": 1}),
    ("features", None),
    ("fingerprint", []),
    ("fingerprint", {"x": 1}),
    ("fingerprint", {"x": [float("nan")]}),
    ("fingerprint", {"x": [nested(900)]}),
    ("written_by", 7),
    ("name", "x"),
    ("rows", 1),
]
HOSTILE_PARTS = [
    ("digest", "../../outside"),
    ("digest", "0" * 63 + "/"),
    ("digest", 5),
    ("digest", nested(900)),
    ("rows", 0),
    ("rows", -1),
    ("rows", "20"),
    ("rows", True),
    ("rows", 10**30),
    ("last_known", "now"),
    ("last_known", None),
    ("last_known", 1.5),
    ("last_time", {}),
    ("file", "/etc/passwd"),
]


@pytest.mark.parametrize(("field", "value"), HOSTILE_FIELDS)
def test_a_manifest_with_a_hostile_field_under_its_own_name(store, made, field, value):
    name = plant(store, {**content(store, made), field: value})
    with pytest.raises(DamagedSnapshot):
        read(store.files, name)


@pytest.mark.parametrize(("field", "value"), HOSTILE_PARTS)
def test_a_manifest_with_a_hostile_part_under_its_own_name(store, made, tmp_path, field, value):
    hostile = content(store, made)
    hostile["parts"][0][field] = value
    part = Path(store.files.url) / made.parts[0].file
    (tmp_path / "outside.parquet").write_bytes(part.read_bytes())
    name = plant(store, hostile)
    with pytest.raises(DamagedSnapshot):
        read(store.files, name)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    field=st.sampled_from(["parts", "columns", "left_out", "fingerprint", "bars"]), data=st.data()
)
def test_no_manifest_raises_anything_but_a_plain_refusal(store, made, field, data):
    name = plant(store, {**content(store, made), field: data.draw(json_values)})
    with contextlib.suppress(OrdinisError):
        read(store.files, name)


# Parts


def rewritten(store, made, table):
    pq.write_table(table, Path(store.files.url) / made.parts[0].file)


def columns(store, made):
    table = pq.read_table(Path(store.files.url) / made.parts[0].file)
    return {name: table[name].combine_chunks() for name in table.column_names}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("symbol", np.zeros(20)),
        ("symbol", [b"A"] * 20),
        ("symbol", [["A"]] * 20),
        ("symbol", [None] * 20),
        ("timestamp", ["2020-01-01"] * 20),
        ("timestamp", np.zeros(20)),
        ("timestamp", pd.date_range("2020", periods=20)),
        ("known_at", [None] * 20),
        ("close", ["1.0"] * 20),
        ("close", np.zeros(20, dtype=np.float32)),
        ("close", [None] * 20),
        ("close", [np.nan] * 20),
        ("close", [{"a": 1.0}] * 20),
    ],
)
def test_a_part_with_hostile_columns_is_refused(store, made, column, value):
    rewritten(store, made, pa.table({**columns(store, made), column: pa.array(value)}))
    with pytest.raises(DamagedSnapshot, match=made.parts[0].digest):
        read(store.files, made.name)


def test_a_part_with_too_few_or_too_many_columns(store, made):
    whole = columns(store, made)
    fewer = {name: value for name, value in whole.items() if name != "close"}
    rewritten(store, made, pa.table(fewer))
    with pytest.raises(DamagedSnapshot):
        read(store.files, made.name)
    rewritten(store, made, pa.table([*whole.values(), whole["close"]], [*whole, "close"]))
    with pytest.raises(DamagedSnapshot):
        read(store.files, made.name)


def test_a_part_whose_rows_name_no_symbol(store, made):
    path = Path(store.files.url) / made.parts[0].file
    whole = path.read_bytes()
    for place in range(200):  # where the dictionary of symbols lies
        path.write_bytes(whole[:place] + b"\x00" + whole[place + 1 :])
        with contextlib.suppress(DamagedSnapshot):
            assert read(store.files, made.name).symbols == ("A",)


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1PAR1", b"PAR1" + b"\xff" * 64 + b"PAR1"])
def test_a_part_that_is_no_parquet_file(store, made, data):
    (Path(store.files.url) / made.parts[0].file).write_bytes(data)
    with pytest.raises(DamagedSnapshot, match="cannot be read"):
        read(store.files, made.name)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_part_with_random_bytes_in_it(store, made, data):
    path = Path(store.files.url) / made.parts[0].file
    whole = path.read_bytes()
    start = data.draw(st.integers(0, len(whole) - 1))
    noise = data.draw(st.binary(min_size=1, max_size=40))
    before = read(store.files, made.name)
    path.write_bytes(whole[:start] + noise + whole[start + len(noise) :])
    try:
        after = read(store.files, made.name)
    except DamagedSnapshot:
        pass
    else:
        np.testing.assert_array_equal(after.values, before.values)
        np.testing.assert_array_equal(after.times, before.times)
    finally:
        path.write_bytes(whole)


# Credentials


def messages(error):
    """Everything that a log would show of it: message and causes."""
    while error is not None:
        yield str(error)
        error = (
            None
            if error.__suppress_context__ and not error.__cause__
            else (error.__cause__ or error.__context__)
        )


@pytest.mark.parametrize(
    "url",
    [
        f"s3://key:{SECRET}@bucket/store",
        f"ftp://user:{SECRET}@host/store",
        f"simplecache::ftp://user:{SECRET}@host/store",
        f"https://{SECRET}@host/store",
    ],
)
def test_credentials_in_the_url_of_the_store(url):
    for use in (lambda: Files(url), lambda: open_store("sqlite://", {"ORDINIS_STORE": url})):
        with pytest.raises(InvalidConfig, match="must not hold credentials") as refusal:
            use()
        assert not any(SECRET in said for said in messages(refusal.value))


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://user:{SECRET}@127.0.0.1:1/db",
        f"postgresql://user:{SECRET}@127.0.0.1:1/db?connect_timeout=1",
        f"postgresql+psycopg://user:{SECRET}@host:port/db",
        f"postgresql+psycopg://user:{SECRET}/x@host/db",
        f"postgresql+nodriver://user:{SECRET}@host/db",
        f"mysql://user:{SECRET}@host/db",
        f"https://user:{SECRET}@tracking",
        f"user:{SECRET}@host",
    ],
)
def test_credentials_in_the_url_of_the_catalogue(url):
    with pytest.raises(OrdinisError) as refusal:
        Catalogue(url)
    assert not any(SECRET in said for said in messages(refusal.value))


def test_credentials_of_the_environment_are_in_no_snapshot(store, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    done = ingest(store, "a", Arrival("x", bars(history("A", range(9))), pd.DataFrame()))
    materialize(store, done.snapshot, SMALL)
    written = b"".join(p.read_bytes() for p in Path(store.files.url).rglob("*") if p.is_file())
    assert SECRET.encode() not in written


def test_reading_leaves_no_trace(store, made):
    folder = Path(store.files.url)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    read(store.files, made.name)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
