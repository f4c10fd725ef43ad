"""Uploads that are under way, and many at once."""

import contextlib
import http.client
import threading
import time

import pytest
from tracking_server import Victim

PROXY = "/api/2.0/mlflow-artifacts"


@pytest.fixture(scope="module")
def victim(server):
    return Victim(server, "victim").register()


@contextlib.contextmanager
def begun(server, path, size):
    """An upload whose body is sent by hand."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    with contextlib.closing(connection):
        connection.putrequest("PUT", f"{PROXY}/artifacts/{path}")
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        yield connection


def test_an_upload_that_began_before_registration_does_not_end_after_it(server):
    slow = Victim(server, "slow")
    with begun(server, slow.path, 8) as connection:
        connection.send(b"evil")
        time.sleep(0.5)
        slow.register()
        connection.send(b"evil")
        answer = connection.getresponse()
        assert answer.status == 403
        assert b"slow/1" in answer.read()
    assert slow.files() == [b"proven", b"proven"]
    listed = server.ask("GET", f"{PROXY}/artifacts?path={slow.folder}").json
    assert [one["path"] for one in listed["files"]] == ["weights.bin"]  # and no half of it


def written(folder):
    return any(file.stat().st_size for file in folder.glob(".artifact*"))


def test_an_upload_is_handed_on_piece_by_piece(server):
    """The second piece is sent when the first has reached the disk."""
    folder = server.folder / "artifacts" / "streamed"
    with begun(server, "streamed/big.bin", 2 * 2**20) as connection:
        connection.send(b"a" * 2**20)
        end = time.monotonic() + 10
        while not written(folder) and time.monotonic() < end:
            time.sleep(0.05)
        assert written(folder)
        connection.send(b"b" * 2**20)
        assert connection.getresponse().status == 200
    assert (folder / "big.bin").stat().st_size == 2 * 2**20


def test_a_deleted_version_frees_its_artifacts_and_a_new_one_holds_them_again(server):
    again = Victim(server, "again")
    for _ in range(2):
        again.register()
        assert server.put(again.path, b"proven").status == 403
        server.api("DELETE", "registered-models/delete", {"name": "again"})
        assert server.put(again.path, b"proven").status == 200


def test_many_writers_are_all_refused(server, victim):
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(server.put(victim.path, b"evil").status))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [403] * 16
    assert victim.files() == [b"proven", b"proven"]
