"""Retention: whole old days of the log's own making go, and nothing else."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from predictions_made import Tally, keeping, predictions, until

from ordinis_mlflow.prediction_log import PredictionLog
from ordinis_mlflow.prediction_log.disk import delete_days
from ordinis_mlflow.prediction_log.layout import (
    DAY_NS,
    EPOCH,
    Names,
    date_in,
    day_of,
    folder_of,
    quoted,
)
from ordinis_mlflow.prediction_log.read import read

TODAY = (datetime.now(UTC).date() - EPOCH).days


def write(folder, *days, **more):
    log = PredictionLog(keeping(folder, **more), Tally())
    log.start()
    for day in days:
        log.add(predictions(f"{day}", at=day * DAY_NS))
    log.stop()
    return log


def test_days_before_those_kept_are_deleted_at_the_start(tmp_path):
    write(tmp_path, *range(TODAY - 5, TODAY + 1))
    later = PredictionLog(keeping(tmp_path, log_keep_days=2), Tally())
    later.start()
    until(lambda: len(list(tmp_path.rglob("date=*"))) == 3)
    later.stop()
    assert list(read(tmp_path).frame["request_id"]) == [f"{TODAY - ago}" for ago in (2, 1, 0)]


def test_for_ever_is_the_default(tmp_path):
    write(tmp_path, 1, TODAY)
    write(tmp_path, TODAY)
    assert len(read(tmp_path)) == 3


def test_what_is_not_of_the_log_stays(tmp_path):
    write(tmp_path, 1, 2)
    strange = [
        tmp_path / folder_of("sp500", day_of(DAY_NS)) / "notes.parquet",
        tmp_path / "model=sp500/date=1970-1-1/x",
        tmp_path / "model=sp500/archive" / Names().next(),
        tmp_path / "date=1970-01-01" / Names().next(),
    ]
    elsewhere = tmp_path / "elsewhere" / Names().next()
    for path in [*strange, elsewhere]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"mine")
    (tmp_path / "model=sp500/date=1970-01-01.").symlink_to(elsewhere.parent)
    (tmp_path / "model=sp500/date=1969-01-01").symlink_to(elsewhere.parent)
    delete_days(tmp_path, date(2000, 1, 1))
    assert all(path.exists() for path in [*strange, elsewhere])
    assert not (tmp_path / folder_of("sp500", day_of(2 * DAY_NS))).exists()
    assert len(list(strange[0].parent.iterdir())) == 1


def test_what_cannot_be_deleted_is_said_and_the_log_goes_on(tmp_path, monkeypatch, caplog):
    def refuse(folder, before):
        raise PermissionError("no")

    monkeypatch.setattr("ordinis_mlflow.prediction_log.log.delete_days", refuse)
    log = PredictionLog(keeping(tmp_path, log_keep_days=1), Tally())
    log.start()
    until(lambda: "cannot be deleted" in log._losses._trouble or caplog.text)
    log.add(predictions("one"))
    log.stop()
    assert "cannot be deleted" in caplog.text
    assert len(read(tmp_path)) == 1


@given(st.text(), st.text())
def test_names_stay_in_the_folder_and_differ(one, other):
    day = EPOCH + timedelta(days=TODAY)
    assert len(folder_of(one, day).parts) == 2
    assert len(folder_of(one, day).parts[0].encode()) <= 255
    assert (quoted(one) == quoted(other)) == (one == other)


@given(st.text(min_size=200, max_size=400), st.text(max_size=3))
def test_long_names_differ_by_their_ends(long, end):
    assert (quoted(long) == quoted(long + end)) == (end == "")


@given(st.text(alphabet="date=0123456789-.", max_size=16))
def test_a_folder_is_of_a_day_only_under_its_one_name(name):
    day = date_in(name)
    assert day is None or name == f"date={day.isoformat()}"


@given(st.integers(-(2**62), 2**62))
def test_day_of(nanoseconds):
    assert (day_of(nanoseconds) - EPOCH).days * DAY_NS <= nanoseconds
    assert nanoseconds < ((day_of(nanoseconds) - EPOCH).days + 1) * DAY_NS


def test_names_of_files_differ():
    names = [Names() for _ in range(50)]
    assert len({each.next() for each in names for _ in range(20)}) == 1000
