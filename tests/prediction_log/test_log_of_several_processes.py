"""Several processes write one log; one that is killed loses what waited, and nothing else."""

import os
import time

import pytest
from predictions_made import Tally, ended_well, keeping, predictions, python, until

from ordinis_mlflow.prediction_log import PredictionLog
from ordinis_mlflow.prediction_log.disk import ABANDONED_SECONDS
from ordinis_mlflow.prediction_log.layout import Names
from ordinis_mlflow.prediction_log.read import read

WRITE = """
import sys
from predictions_made import Tally, keeping, predictions
from ordinis_mlflow.prediction_log import PredictionLog
log = PredictionLog(keeping(sys.argv[1], log_rows_a_file=50), Tally())
log.start()
for number in range(500):
    log.add(predictions(f"{sys.argv[2]}-{number}", seed=number))
log.stop()
"""
WRITE_FOR_EVER = """
import itertools, sys, time
from predictions_made import Tally, keeping, predictions
from ordinis_mlflow.prediction_log import PredictionLog
log = PredictionLog(keeping(sys.argv[1], log_flush_seconds=0.01), Tally())
log.start()
for number in itertools.count():
    log.add(predictions(f"{number}", at=10**18 + number, seed=number))
    time.sleep(1e-4)
"""


def test_two_processes_in_one_folder(tmp_path):
    writers = [python(WRITE, tmp_path, name) for name in ("a", "b")]
    for each in writers:
        ended_well(each)
    expected = {f"{name}-{number}" for name in ("a", "b") for number in range(500)}
    ids = read(tmp_path).frame["request_id"]
    assert ids.is_unique
    assert set(ids) == expected


@pytest.mark.parametrize("files", [1, 2, 3])
def test_a_killed_writer_leaves_whole_files_of_all_that_was_before(tmp_path, files):
    writer = python(WRITE_FOR_EVER, tmp_path)
    until(lambda: len(list(tmp_path.rglob("*.parquet"))) >= files)
    time.sleep(0.03 * files)  # wherever it is by then
    writer.kill()
    writer.communicate()
    ids = read(tmp_path, inputs=True).frame["request_id"].astype(int)
    assert list(ids) == list(range(len(ids)))
    assert len(ids)


def test_what_a_killed_writer_had_begun_is_deleted_when_it_is_old(tmp_path):
    log = PredictionLog(keeping(tmp_path), Tally())
    log.start()
    log.add(predictions("one"))
    log.stop()
    (whole,) = tmp_path.rglob("*.parquet")
    begun = [whole.with_name(f".{Names().next()}.tmp") for _ in range(2)]
    for path in begun:
        path.write_bytes(b"half")
    old = time.time() - ABANDONED_SECONDS - 60
    os.utime(begun[0], (old, old))
    os.utime(whole, (old, old))
    assert len(read(tmp_path)) == 1
    later = PredictionLog(keeping(tmp_path), Tally())
    later.start()
    until(lambda: not begun[0].exists())
    later.stop()
    assert begun[1].exists()
    assert whole.exists()


def test_a_reader_never_sees_half_a_file(tmp_path):
    tally = Tally()
    log = PredictionLog(keeping(tmp_path, log_rows_a_file=1), tally)
    log.start()
    seen = [0]
    for number in range(20):
        log.add(predictions(f"{number}", 50))
        until(lambda before=seen[-1]: tally.rows > before)
        seen.append(len(read(tmp_path, inputs=True)))
    log.stop()
    assert seen == sorted(seen)
    assert len(read(tmp_path)) == 1000
