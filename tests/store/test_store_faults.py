"""Processes that are killed, race each other or run out of disk: every snapshot stays whole."""

import errno
import os
from pathlib import Path

import alembic.command
import pandas as pd
import pytest
import sqlalchemy as sa
from alembic import op
from revision_logs import DAY, SMALL, bars, history, log, snapshot, table

from ordinis_mlflow.errors import StoreError
from ordinis_mlflow.store import Arrival, Catalogue, Files, Store, ingest, materialize, read

ROUNDS = 20
"""How often a writer is killed at random."""


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'catalogue.db'}"


@pytest.fixture
def opened():
    """Open stores, and close them."""
    made = []

    def open_(folder, url):
        made.append(Store(Files(str(folder / "store")), Catalogue(url)))
        return made[-1]

    yield open_
    for each in made:
        each.catalogue.close()


def names(store):
    return [path.stem for path in (Path(store.files.url) / "snapshots").glob("*.json")]


def assert_whole(store, dataset):
    """Every snapshot that has a name can be read, and every one that the catalogue names is there.

    Returns:
        The newest bars.
    """
    for name in names(store):
        read(store.files, name)
    head = store.catalogue.head(dataset)
    for done in store.catalogue.ingests(head):
        read(store.files, done.snapshot)
        for made in store.catalogue.made_from(done.snapshot):
            read(store.files, made)
    return table(read(store.files, head))


def grows_on(store, dataset, rows):
    """A day later everything goes on as if nothing had been."""
    days = range(len(rows) // 2 + 1)
    both = pd.concat([history("A", days), history("B", days)])
    nothing = pd.DataFrame()
    done = ingest(store, dataset, Arrival("after", bars(both), nothing), known_after=DAY)
    assert done.rows == 2 or not done.parent
    made = materialize(store, done.snapshot, SMALL)
    assert len(read(store.files, made.name)) == 2 * (len(days) - SMALL.lookback + 1)
    pd.testing.assert_frame_equal(
        table(read(store.files, done.snapshot)), table(log(both)), check_exact=True
    )


def test_a_writer_killed_at_random_moments(worker, tmp_path, url, opened):
    worker("kill_at_random", tmp_path, url, ROUNDS)
    store = opened(tmp_path, url)
    rows = assert_whole(store, "killed")
    assert len(names(store)) > 10  # it was not killed before it did anything
    grows_on(store, "killed", rows)


def test_a_writer_killed_before_and_after_every_file(worker, tmp_path, url, opened):
    folders = [Path(line) for line in worker("kill_at_every_step", tmp_path, url).split()]
    assert len(folders) == 2 * 4  # a part and a manifest, of bars and of features
    for place, folder in enumerate(folders):
        store = opened(folder, f"sqlite:///{folder / 'catalogue.db'}")
        assert (store.catalogue.dataset("killed") is not None) == (place >= 4)
        assert len(names(store)) == (place >= 3) + (place >= 7)
        rows = assert_whole(store, "killed") if place >= 4 else range(42)
        grows_on(store, "killed", rows)


def test_processes_that_materialize_the_same_end_with_one(worker, tmp_path, url, opened):
    store = opened(tmp_path, url)
    source = snapshot(store, pd.concat([history(name, range(300)) for name in "ABC"]))
    found = worker("race_materialize", tmp_path, url, source.name, 4).split()
    assert len(found) == 4
    (name,) = set(found)
    assert store.catalogue.made_from(source.name) == [name]
    assert sorted(names(store)) == sorted([source.name, name])
    assert len(read(store.files, name)) == 3 * (300 - SMALL.lookback + 1)
    assert not list(Path(store.files.url).rglob("*.tmp"))


def test_ingests_of_several_processes_all_land(worker, tmp_path, database, opened):
    worker("race_ingest", tmp_path, database, 4, 3)
    store = opened(tmp_path, database)
    head = store.catalogue.head("raced")
    wanted = pd.concat([history(f"S{n}{turn}", range(10)) for n in range(4) for turn in range(3)])
    pd.testing.assert_frame_equal(
        table(read(store.files, head)), table(log(wanted)), check_exact=True
    )
    done = store.catalogue.ingests(head)
    assert [each.rows for each in done] == [10] * 12
    assert [each.parent for each in done] == [*(each.snapshot for each in done[1:]), ""]


def test_an_ingest_that_is_always_overtaken_says_so(store, monkeypatch):
    ingest(store, "a", Arrival("x", bars(history("A", range(5))), pd.DataFrame()))
    monkeypatch.setattr(Catalogue, "advance", lambda *_: False)
    with pytest.raises(StoreError, match="'a' were faster 20 times; run it again"):
        ingest(store, "a", Arrival("x", bars(history("A", range(6))), pd.DataFrame()))


def test_a_disk_that_takes_no_more(worker, tmp_path, url, opened):
    said = worker("full_disk", tmp_path, url, 300_000)
    assert "writing parts/" in said
    assert "File too large; nothing was kept of it. Free space or choose another place" in said
    store = opened(tmp_path, url)
    assert [path for path in Path(store.files.url).rglob("*") if path.is_file()] == []
    assert store.catalogue.dataset("large") is None
    assert worker("full_disk", tmp_path, url, 10**9) == ""
    assert len(read(store.files, store.catalogue.head("large"))) == 20_000


@pytest.mark.parametrize("call", range(5))
def test_a_full_disk_at_every_write(store, monkeypatch, small_parts, call):
    both = pd.concat([history("A", range(20)), history("B", range(20))])
    arrival = Arrival("x", bars(both), pd.DataFrame())
    fsync, seen = os.fsync, []

    def full(descriptor):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            return fsync(descriptor)
        seen.append(descriptor)
        if len(seen) > call:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="failed: No space left on device; nothing was kept"):
        materialize(store, ingest(store, "a", arrival).snapshot, SMALL)
    files = [path for path in Path(store.files.url).rglob("*") if path.is_file()]
    assert len(files) == call
    assert not [path for path in files if path.suffix == ".tmp"]
    monkeypatch.setattr(os, "fsync", fsync)
    done = ingest(store, "a", arrival)
    assert done.rows == (40 if call < 4 else 0)
    made = materialize(store, done.snapshot, SMALL)
    assert len(read(store.files, made.name)) == 2 * (20 - SMALL.lookback + 1)
    assert set(files) <= set(Path(store.files.url).rglob("*.*"))


def test_a_place_that_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    files = Files(str(tmp_path / "file"))
    with pytest.raises(StoreError, match=r"writing x .1 bytes. to the store .* failed"):
        files.write("x", b"1")
    with pytest.raises(StoreError, match=r"reading x from the store .* failed: Not a directory"):
        files.read("x")


def test_two_processes_and_more_make_the_tables_at_once(worker, tmp_path, database):
    worker("race_migrate", tmp_path, database, 6)
    catalogue = Catalogue(database)
    assert catalogue.dataset("none") is None
    catalogue.close()


def test_tables_that_another_process_made_meanwhile_will_do(tmp_path, monkeypatch, url):
    upgrade = alembic.command.upgrade

    def overtaken(config, revision):
        config.attributes["connection"].rollback()  # else the other one would wait for this one
        monkeypatch.setattr(alembic.command, "upgrade", upgrade)
        Catalogue(url).close()
        raise sa.exc.ProgrammingError("CREATE TABLE", {}, Exception("already exists"))

    monkeypatch.setattr(alembic.command, "upgrade", overtaken)
    catalogue = Catalogue(url)
    assert catalogue.dataset("none") is None
    catalogue.close()


def test_a_migration_that_is_refused_is_told(tmp_path, monkeypatch, url):
    def refused(config, revision):
        raise sa.exc.ProgrammingError("CREATE TABLE", {}, Exception("permission denied"))

    monkeypatch.setattr(alembic.command, "upgrade", refused)
    with pytest.raises(StoreError, match="sqlite database cannot be used: permission denied; make"):
        Catalogue(url)


def test_a_migration_that_fails_midway_leaves_nothing(tmp_path, monkeypatch, url):
    create = op.create_table

    def failing(name, *columns):
        if name == "ordinis_ingests":
            raise KeyboardInterrupt
        return create(name, *columns)

    monkeypatch.setattr(op, "create_table", failing)
    with pytest.raises(KeyboardInterrupt):
        Catalogue(url)
    monkeypatch.setattr(op, "create_table", create)
    catalogue = Catalogue(url)
    assert catalogue.dataset("none") is None
    catalogue.close()
