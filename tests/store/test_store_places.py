"""The store in a bucket and in memory: the same rows and names as in a folder."""

import pandas as pd
import pytest
from revision_logs import DAY, SMALL, bars, history, log, table
from s3_server import s3_server

from ordinis_mlflow.errors import DamagedSnapshot, StoreError, UnknownSnapshot
from ordinis_mlflow.store import (
    Arrival,
    Catalogue,
    Files,
    Store,
    ingest,
    materialize,
    read,
    read_manifest,
)

WHOLE = pd.concat([history("A", range(40)), history("B", range(40))])


@pytest.fixture
def catalogue(tmp_path):
    made = Catalogue(f"sqlite:///{tmp_path / 'catalogue.db'}")
    yield made
    made.close()


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("s3fs")
    with s3_server() as url:
        yield url


@pytest.fixture
def bucket(server, monkeypatch):
    """An empty bucket; credentials and endpoint are in the environment alone."""
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-of-tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-tests")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    if not system.exists("ordinis"):
        system.mkdir("ordinis")
    yield "s3://ordinis/store"
    system.rm("ordinis", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()


def grown(store):
    """Bars that came in twice, and features over each: names of all four snapshots."""
    made = []
    for days in (39, 40):
        frame = WHOLE[WHOLE["timestamp"] < WHOLE["timestamp"].min() + days * DAY]
        done = ingest(store, "a", Arrival("test", bars(frame), frame.iloc[:1]), known_after=DAY)
        made += [done.snapshot, materialize(store, done.snapshot, SMALL).name]
    return made


def assert_same_as_in_a_folder(store, tmp_path):
    folder = Store(
        Files(str(tmp_path / "folder")), Catalogue(f"sqlite:///{tmp_path / 'folder.db'}")
    )
    names = grown(store)
    assert names == grown(folder)
    for name in names:
        there, here = (table(read(each.files, name)) for each in (store, folder))
        pd.testing.assert_frame_equal(there, here, check_exact=True)
    folder.catalogue.close()
    assert table(read(store.files, names[2])).equals(table(log(WHOLE)))
    assert grown(store)[-1] == names[-1]


def test_a_bucket(bucket, catalogue, tmp_path):
    assert_same_as_in_a_folder(Store(Files(bucket), catalogue), tmp_path)


def test_memory(catalogue, tmp_path):
    assert_same_as_in_a_folder(Store(Files(f"memory://{tmp_path}/store"), catalogue), tmp_path)


def test_damage_in_a_bucket_is_seen(bucket, catalogue):
    store = Store(Files(bucket), catalogue)
    name = grown(store)[-1]
    with pytest.raises(UnknownSnapshot, match="s3://ordinis/store has no snapshot"):
        read(store.files, "0" * 32)
    part = read_manifest(store.files, name).parts[0]
    store.files.write(part.file, store.files.read(part.file)[:-10])
    with pytest.raises(DamagedSnapshot, match=f"{part.file} of the store s3://ordinis/store"):
        read(store.files, name)


def test_a_bucket_that_is_not_there(bucket, catalogue):
    files = Files("s3://ordinis-nowhere/store")
    with pytest.raises(
        StoreError, match=r"writing x .* s3://ordinis-nowhere/store failed: .*bucket"
    ):
        files.write("x", b"1")


def test_a_server_that_does_not_answer(monkeypatch):
    s3fs = pytest.importorskip("s3fs")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-of-tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-tests")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    files = Files("s3://b/s")
    for use in (files.read, files.exists):
        with pytest.raises(StoreError, match="reading x from the store s3://b/s failed") as refusal:
            use("x")
        assert "of-tests" not in str(refusal.value)
    s3fs.S3FileSystem.clear_instance_cache()
