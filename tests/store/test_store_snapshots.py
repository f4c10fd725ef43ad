"""A snapshot is written once, is named by what it holds, and is refused when that has changed."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from revision_logs import (
    DAY,
    SMALL,
    START,
    VALUES,
    bars,
    frames,
    history,
    moments,
    snapshot,
    table,
    view,
)

from ordinis_mlflow.bars import COLUMNS
from ordinis_mlflow.errors import DamagedSnapshot, InvalidConfig, TooFewBars, UnknownSnapshot
from ordinis_mlflow.revisions import Unordered
from ordinis_mlflow.store import (
    Arrival,
    Files,
    Manifest,
    ingest,
    materialize,
    open_store,
    quarantined,
    read,
    read_manifest,
)
from ordinis_mlflow.store.parts import cuts, read_part, write_part

COMMON = settings(max_examples=20)
FIRST = 3  # parts of the snapshot below


@pytest.fixture
def written(store, small_parts):
    """A store with one snapshot of several parts."""
    frame = pd.concat([history("A", range(20)), history("B", range(20))])
    made = snapshot(store, frame)
    assert len(made.parts) == FIRST
    return store, made


def manifest_file(store, made):
    return Path(store.files.url) / f"snapshots/{made.name}.json"


def part_file(store, part):
    return Path(store.files.url) / part.file


def edit(store, made, change):
    path = manifest_file(store, made)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_the_name_of_a_snapshot_never_changes(store):
    """Another one for these rows would make existing stores unreadable: that needs a new format."""
    rows = [(symbol, START + day * DAY) for symbol in ("A", "é") for day in range(3)]
    frame = pd.DataFrame(rows, columns=["symbol", "timestamp"])
    frame["known_at"] = frame["timestamp"] + DAY
    frame = frame.assign(open=10.25, high=11.0, low=9.5, close=10.5, volume=1000.0)
    made = snapshot(store, frame)
    assert [part.digest for part in made.parts] == [
        "cb7340c5f748eaf677324eeed60e5952bcfb55ff542244ab9927e78b7167ad22"
    ]
    assert made.name == "cf05501177f4ddc59749c907c81d5d74"


@COMMON
@given(frame=frames(), seed=st.integers(0, 9))
def test_what_was_written_is_read_as_of_every_moment(shared_store, small_parts, frame, seed):
    made = snapshot(shared_store, frame)
    for moment in moments(frame):
        wanted = view(frame, moment)
        if wanted.empty:
            with pytest.raises(TooFewBars, match="choose a later moment"):
                read(shared_store.files, made.name, as_of=moment)
        else:
            found = table(read(shared_store.files, made.name, as_of=moment))
            pd.testing.assert_frame_equal(found, wanted, check_exact=True)
    shuffled = frame.sample(frac=1.0, random_state=seed)
    assert snapshot(shared_store, shuffled) == made
    assert read_manifest(shared_store.files, made.name) == made


@COMMON
@given(frame=frames(), data=st.data())
def test_any_other_content_has_another_name(shared_store, frame, data):
    made = snapshot(shared_store, frame)
    row = data.draw(st.integers(0, len(frame) - 1))
    column = data.draw(st.sampled_from([*VALUES, "timestamp", "known_at", "symbol"]))
    other = frame.copy()
    if column == "symbol":
        other.loc[row, "symbol"] = "Z"
    elif column in VALUES:
        other.loc[row, column] = np.nextafter(other.loc[row, column], np.inf)
    else:
        other.loc[row, column] += 1 if column == "known_at" else -1
    assert snapshot(shared_store, other).name != made.name


def test_every_field_but_the_writer_is_in_the_name(written):
    _, made = written
    others = {
        "dataset": "other",
        "columns": made.columns[::-1],
        "parts": made.parts[::-1],
        "bars": "f" * 32,
        "features": "small@2",
        "fingerprint": {"x": (1.0,)},
        "left_out": ("C",),
    }
    assert {*others, "written_by"} == set(Manifest.__dataclass_fields__)
    changed = [replace(made, **{field: value}) for field, value in others.items()]
    assert len({made.name, *(each.name for each in changed)}) == len(others) + 1
    assert replace(made, written_by="9.9").name == made.name


def test_a_snapshot_is_written_once(written):
    store, made = written
    folder = Path(store.files.url)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.*")}
    assert len(before) == FIRST + 1
    frame = pd.concat([history("B", range(20)), history("A", range(20))])
    assert snapshot(store, frame) == made
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.*")} == before


def test_features_are_computed_once(store):
    bars_name = snapshot(store, history("A", range(20))).name
    made = materialize(store, bars_name, SMALL)
    before = {path: path.stat().st_mtime_ns for path in Path(store.files.url).rglob("*.*")}
    assert materialize(store, bars_name, SMALL) == made
    assert {path: path.stat().st_mtime_ns for path in Path(store.files.url).rglob("*.*")} == before


def refusal(store, made, error=DamagedSnapshot):
    with pytest.raises(error) as refused:
        read(store.files, made.name)
    return str(refused.value)


@pytest.mark.parametrize("part", range(FIRST))
def test_a_missing_part_is_named(written, part):
    store, made = written
    part_file(store, made.parts[part]).unlink()
    said = refusal(store, made)
    assert f"{made.parts[part].file} of the store {store.files.url} is missing; restore it" in said


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_part_is_refused(written, share):
    store, made = written
    path = part_file(store, made.parts[1])
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert f"{made.parts[1].file} of the store {store.files.url} cannot be read" in refusal(
        store, made
    )


def test_no_flipped_byte_changes_a_row_unseen(written):
    store, made = written
    rows = read(store.files, made.name)
    path = part_file(store, made.parts[1])
    data = path.read_bytes()
    refused = 0
    for place in range(0, len(data), 13):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        try:
            found = read(store.files, made.name)
        except DamagedSnapshot:
            refused += 1
        else:  # a byte that nobody reads, as in the name of the writer
            assert table(found).equals(table(rows))
    assert refused > 0.5 * len(data) / 13
    path.write_bytes(data)
    assert table(read(store.files, made.name)).equals(table(rows))


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.assign(close=f["close"] * (1 + 1e-15)),
        lambda f: f.assign(known_at=f["known_at"] - pd.Timedelta(1)),
        lambda f: f.assign(timestamp=f["timestamp"] - pd.Timedelta(1)),
        lambda f: f.iloc[::-1],
        lambda f: f.assign(symbol=f["symbol"].cat.rename_categories({"A": "C"})),
    ],
)
def test_a_rewritten_part_with_another_value_is_refused(written, change):
    store, made = written
    path = part_file(store, made.parts[1])
    original = pq.read_table(path)
    frame = change(original.to_pandas())
    table = type(original).from_pandas(frame, schema=original.schema, preserve_index=False)
    pq.write_table(table, path)
    assert f"{made.parts[1].file} of the store {store.files.url} was altered" in refusal(
        store, made
    )


def test_a_rewritten_part_with_fewer_rows_is_refused(written):
    store, made = written
    path = part_file(store, made.parts[0])
    pq.write_table(pq.read_table(path).slice(1), path)
    assert "holds 15 rows of ['symbol', 'timestamp', 'known_at']; restore" in refusal(store, made)


def test_parts_exchanged_for_each_other_are_refused(written):
    store, made = written
    first, second = (part_file(store, part) for part in made.parts[:2])
    data = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(data)
    assert "was altered" in refusal(store, made)


def set_field(name, value):
    return lambda content: content.__setitem__(name, value)


def set_part(name, value):
    return lambda content: content["parts"][0].__setitem__(name, value)


@pytest.mark.parametrize(
    "change",
    [
        set_field("dataset", "other"),
        set_field("columns", ["open", "high", "low", "volume", "close"]),
        set_field("bars", "f" * 32),
        set_field("left_out", ["Z"]),
        set_field("fingerprint", {"x": [1.0]}),
        lambda content: content["parts"].reverse(),
        lambda content: content["parts"].pop(),
        set_part("digest", "0" * 64),
        set_part("rows", 15),
        set_part("last_known", START + 99 * DAY),  # would hide later parts from a view
        set_part("last_time", 0),
    ],
)
def test_an_altered_manifest_is_refused(written, change):
    store, made = written
    edit(store, made, change)
    said = refusal(store, made)
    assert f"snapshots/{made.name}.json of the store {store.files.url} was altered" in said
    assert "restore it from a backup, or remove it and materialize again" in said


def test_a_manifest_by_another_writer_is_read(written):
    store, made = written
    edit(store, made, set_field("written_by", "0.0.1"))
    assert read(store.files, made.name).columns == COLUMNS


@pytest.mark.parametrize("number", [0, 2, "1", None, [1]])
def test_an_unknown_format_is_refused(written, number):
    store, made = written
    edit(store, made, set_field("format", number))
    said = refusal(store, made)
    assert said == (
        f"snapshot {made.name} has format {number}, this version reads 1; "
        "use the version that wrote it"
    )


def test_a_manifest_without_a_format_or_with_an_unknown_field_is_refused(written):
    store, made = written
    edit(store, made, set_field("later", 1))
    assert "cannot be read" in refusal(store, made)
    edit(store, made, lambda content: content.pop("format"))
    assert "cannot be read" in refusal(store, made)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_manifest_is_refused(written, share):
    store, made = written
    path = manifest_file(store, made)
    text = path.read_text()
    path.write_text(text[: int(share * len(text))])
    assert "cannot be read" in refusal(store, made)


def test_an_unknown_snapshot_is_named(store):
    with pytest.raises(UnknownSnapshot) as refused:
        read(store.files, "0" * 32)
    assert str(refused.value) == (
        f"the store {store.files.url} has no snapshot {'0' * 32!r}; materialize writes one and "
        "prints its name"
    )


def test_features_of_unknown_bars(store):
    with pytest.raises(UnknownSnapshot, match=r"has no snapshot 'f{32}'"):
        materialize(store, "f" * 32, SMALL)


@pytest.mark.parametrize("what", ["part", "manifest"])
def test_damaged_features_are_made_again_once_removed(written, what):
    store, bars_made = written
    made = materialize(store, bars_made.name, SMALL)
    path = part_file(store, made.parts[0]) if what == "part" else manifest_file(store, made)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    refusal(store, made)
    path.unlink()
    assert materialize(store, bars_made.name, SMALL) == made
    assert path.read_bytes() == whole
    assert len(read(store.files, made.name)) == made.rows


def test_damaged_bars_make_no_features(written):
    store, made = written
    path = part_file(store, made.parts[2])
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DamagedSnapshot, match=made.parts[2].digest):
        materialize(store, made.name, SMALL)
    assert store.catalogue.made_from(made.name) == []


def test_a_view_reads_no_part_that_was_known_later(written):
    store, made = written
    part_file(store, made.parts[2]).unlink()
    early = made.parts[0].last_known - DAY
    assert len(read(store.files, made.name, as_of=early)) == 14
    with pytest.raises(DamagedSnapshot, match="is missing"):
        read(store.files, made.name, as_of=made.parts[1].last_known)


def test_a_large_dictionary_of_symbols_survives_the_file(tmp_path, cut_parts):
    cut_parts(32_768)
    n = 40_000  # longer than what Parquet keeps in a dictionary page by default
    names, times = tuple(f"{number:060d}" for number in range(n)), np.full(n, START)
    codes = np.arange(n, dtype=np.int32)
    rows = Unordered(COLUMNS, names, codes, times, times, np.ones((n, 5))).revisions()
    files = Files(str(tmp_path))
    for cut in cuts(n):
        part = write_part(files, rows.rows(cut))
        assert read_part(files, part, COLUMNS).symbols == rows.rows(cut).symbols


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done, fsync, rename = [], os.fsync, os.replace

    def settle(descriptor):
        kind = "folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file"
        done.append(kind)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", settle)
    monkeypatch.setattr(os, "replace", lambda *names: (done.append("name"), rename(*names)))
    Files(str(tmp_path)).write("parts/x", b"rows")
    assert done == ["file", "name", "folder"]


def test_bars_set_aside_are_kept_with_their_reason(store):
    apart = history("A", [7]).assign(check="outlier_jumps", reason="jumps")
    arrival = Arrival("csv", bars(history("A", range(5))), apart)
    done = ingest(store, "a", arrival)
    assert (done.quarantined, done.rows) == (1, 5)
    pd.testing.assert_frame_equal(quarantined(store, done), apart.reset_index(drop=True))
    again = ingest(store, "a", Arrival("csv", arrival.bars, apart.iloc[:0]))
    assert (again.quarantine, len(quarantined(store, again))) == ("", 0)


def test_the_environment_says_where_the_store_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tracking = f"sqlite:///{tmp_path / 'mlflow.db'}"
    here = open_store(tracking, {})
    assert here.files.url == str(tmp_path / ".ordinis/store")
    other = {"ORDINIS_STORE": "data", "ORDINIS_CATALOGUE": f"sqlite:///{tmp_path / 'c.db'}"}
    there = open_store("http://tracking:5000", other)
    assert there.files.url == str(tmp_path / "data")
    for each in (here, there):
        each.catalogue.close()
    with pytest.raises(InvalidConfig, match="set ORDINIS_CATALOGUE to the database behind it"):
        open_store("http://tracking:5000", {})
