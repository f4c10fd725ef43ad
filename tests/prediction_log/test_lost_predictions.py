"""No row is lost in silence: too many at once, a disk that fails, what no file can hold."""

import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from predictions_made import Tally, ended_well, keeping, predictions, python, source, until

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.prediction_log import PredictionLog, PredictionLogSettings
from ordinis_mlflow.prediction_log.losses import QUIET_SECONDS, Losses
from ordinis_mlflow.prediction_log.read import read

SIZE = predictions("x").nbytes
SPOKEN = "ordinis_mlflow.prediction_log.losses"


def test_a_full_buffer_loses_the_new_and_counts_them(tmp_path):
    tally = Tally()
    log = PredictionLog(keeping(tmp_path, log_buffer_bytes=10 * SIZE), tally)
    for number in range(25):  # nobody writes yet
        log.add(predictions(f"{number:02}"))
    log.start()
    log.stop()
    assert list(read(tmp_path).frame["request_id"]) == [f"{number:02}" for number in range(10)]
    assert (tally.rows, tally.losses) == (10, {"full": 15})


def test_a_buffer_has_room_again_when_it_is_written(tmp_path):
    tally = Tally()
    log = PredictionLog(keeping(tmp_path, log_buffer_bytes=4 * SIZE), tally)
    log.start()
    for number in range(12):
        log.add(predictions(f"{number}"))
        until(lambda written=number + 1: tally.rows == written)
    log.stop()
    assert (tally.rows, tally.losses) == (12, {})


def test_every_row_of_many_threads_is_written_or_lost(tmp_path):
    tally = Tally()
    log = PredictionLog(keeping(tmp_path, log_buffer_bytes=300 * SIZE), tally)
    log.start()

    def add(thread):
        for number in range(500):
            log.add(predictions(f"{thread}-{number}"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    log.stop()
    ids = read(tmp_path).frame["prediction_id"]
    assert ids.is_unique
    assert len(ids) == tally.rows
    assert tally.rows + tally.losses["full"] == 2000


def test_rows_wait_for_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr("ordinis_mlflow.prediction_log.log.RETRY_SECONDS", 0.01)
    place, tally = tmp_path / "log", Tally()
    place.write_text("in the way")
    log = PredictionLog(keeping(place, log_flush_seconds=0.01, log_buffer_bytes=3 * SIZE), tally)
    log.start()
    for number in range(5):
        log.add(predictions(f"{number}"))
    until(lambda: tally.losses["disk"] + tally.losses["full"] == 2)
    until(lambda: tally.pending == 3)
    place.unlink()
    until(lambda: tally.rows == 3)
    log.add(predictions("later"))
    log.stop()
    assert list(read(place).frame["request_id"]) == ["0", "1", "2", "later"]
    assert tally.losses.total() == 2


def test_stopped_before_the_disk_recovers(tmp_path, caplog):
    place, tally = tmp_path / "log", Tally()
    place.write_text("in the way")
    log = PredictionLog(keeping(place), tally)
    log.start()
    log.add(predictions("one", 3))
    log.stop()
    assert (tally.rows, tally.losses) == (0, {"disk": 3})
    assert "3 (disk)" in caplog.text
    assert str(place) in caplog.text


LIMITED = """
import resource, sys
from predictions_made import Tally, keeping, predictions, until
from ordinis_mlflow.prediction_log import PredictionLog, log
log.RETRY_SECONDS = 0.01
tally, limits = Tally(), resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
kept = PredictionLog(keeping(sys.argv[1], log_flush_seconds=0.01), tally)
kept.start()
for number in range(200):
    kept.add(predictions(f"{number}", seed=number))
until(lambda: kept._reason == "disk")
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
until(lambda: tally.rows == 200)
kept.stop()
assert not tally.losses, tally.losses
"""


def test_a_disk_that_is_full_for_a_while_loses_nothing(tmp_path):
    ended_well(python(LIMITED, tmp_path))
    assert len(read(tmp_path)) == 200
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("bad", ["id", "symbol", "model"])
def test_what_no_file_can_hold_is_lost_alone(tmp_path, bad):
    alone = "\ud800"
    broken = {
        "id": lambda: predictions(alone),
        "symbol": lambda: predictions("broken", symbols=(alone,)),
        "model": lambda: predictions("broken", source=source(model=alone)),
    }[bad]()
    tally = Tally()
    log = PredictionLog(keeping(tmp_path), tally)
    log.start()
    for each in (predictions("first"), broken, predictions("last")):
        log.add(each)
    log.stop()
    assert list(read(tmp_path).frame["request_id"]) == ["first", "last"]
    assert (tally.rows, tally.losses) == (2, {"invalid": 1})


def test_losses_are_said_once_a_minute_and_at_the_end(caplog):
    tally = Tally()
    losses = Losses(tally, "folder")
    for now in (0.0, QUIET_SECONDS / 2, QUIET_SECONDS, QUIET_SECONDS + 1):
        losses.lost(7, "full")
        losses.say(now)
    losses.say(QUIET_SECONDS + 2, last=True)
    losses.say(QUIET_SECONDS + 3, last=True)
    said = [record.message for record in caplog.records if record.name == SPOKEN]
    assert [message.split("lost: ")[1].split(";")[0] for message in said] == [
        "7 (full)", "14 (full)", "7 (full)",
    ]  # fmt: skip
    assert caplog.records[0].levelno == logging.ERROR
    assert tally.losses == {"full": 28}


def test_a_log_that_does_not_end_in_time_says_what_it_leaves(tmp_path, monkeypatch):
    tally = Tally()
    log = PredictionLog(keeping(tmp_path), tally)
    go_on = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    monkeypatch.setattr(log, "_written", lambda file: go_on.wait())
    log.start()
    log.add(predictions("one", 2))
    log.stop(seconds=0.05)
    assert tally.losses == {"stopped": 2}
    go_on.communicate(b"\n")
    log._thread.join()


@pytest.mark.parametrize(
    "wrong",
    [
        {"log_flush_seconds": 0.0},
        {"log_flush_seconds": float("nan")},
        {"log_buffer_bytes": 0},
        {"log_rows_a_file": -1},
        {"log_keep_days": -1},
        {"log_inputs": 1.1},
        {"log_inputs": float("nan")},
    ],
)
def test_settings_outside_their_range(wrong):
    with pytest.raises(InvalidConfig, match=next(iter(wrong))):
        PredictionLogSettings(**wrong)


def test_a_log_has_a_folder():
    with pytest.raises(InvalidConfig, match="log_folder"):
        PredictionLog(PredictionLogSettings(), Tally())
