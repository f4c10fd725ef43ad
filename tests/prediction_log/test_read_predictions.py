"""Reading: what is asked for and no more; a file that cannot be read is named."""

import contextlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from predictions_made import Tally, keeping, predictions, source

from ordinis_mlflow.errors import InvalidConfig, PredictionLogError
from ordinis_mlflow.prediction_log import PredictionLog
from ordinis_mlflow.prediction_log.read import read

HOUR = 3_600 * 10**9
START = pd.Timestamp("2024-03-01", tz="UTC")


def write(folder, *given, **more):
    log = PredictionLog(keeping(folder, **more), Tally())
    log.start()
    for each in given:
        log.add(each)
    log.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four days of two models, an hour apart."""
    place = tmp_path_factory.mktemp("log")
    write(
        place,
        *(
            predictions(
                f"{hour:03}",
                at=START.value + hour * HOUR,
                seed=hour,
                source=source(
                    ("champion", "shadow")[hour % 2], ("a", "b")[hour // 2 % 2], str(hour % 3)
                ),
            )
            for hour in range(96)
        ),
        log_rows_a_file=10,
    )
    return place


@pytest.fixture
def damaged(tmp_path):
    """Two files; the second one to be spoiled."""
    write(tmp_path, predictions("one", 50), predictions("two", 50, at=10**18))
    return tmp_path, max(tmp_path.rglob("*.parquet"))


choice = st.none() | st.sampled_from(["a", "b", "champion", "shadow", "0", "1", "unknown"])
moments = st.none() | st.integers(-5, 100).map(lambda hour: START + pd.Timedelta(hours=hour))


@given(choice, choice, choice, moments, moments, st.booleans())
def test_conditions(folder, model, version, arm, since, until, inputs):
    everything = read(folder, inputs=True)
    frame = everything.frame
    chosen = pd.Series(True, frame.index)
    for name, value in (("model", model), ("version", version), ("arm", arm)):
        chosen &= True if value is None else frame[name].astype(str) == value
    chosen &= True if since is None else frame["answered_at"] >= since
    chosen &= True if until is None else frame["answered_at"] < until
    found = read(folder, model, version, arm, since, until, inputs=inputs)
    assert list(found.frame["request_id"]) == list(frame["request_id"][chosen])
    assert (found.windows is None) is not inputs
    if inputs:
        assert np.array_equal(found.windows.ravel(), everything.windows[chosen].ravel())


def test_times_of_any_zone(folder):
    there = (START + pd.Timedelta(hours=90)).tz_convert("Asia/Tokyo")
    assert len(read(folder, since=there)) == 6
    with pytest.raises(InvalidConfig, match="since must have a time zone"):
        read(folder, since=pd.Timestamp("2024-03-01"))


def test_columns(folder):
    frame = read(folder, model="a", columns=["mean", "prediction_id"]).frame
    whole = read(folder, model="a").frame
    pd.testing.assert_frame_equal(frame, whole[["mean", "prediction_id"]])
    with pytest.raises(InvalidConfig, match="no column 'inputs'"):
        read(folder, columns=["inputs"])


def test_inputs_of_one_look_back_alone(tmp_path):
    write(
        tmp_path,
        predictions("one", lookback=3),
        predictions("two", lookback=4, source=source(version="2")),
        predictions("three", windows=None),
    )
    with pytest.raises(PredictionLogError, match=r"\[120, 160\] bytes.*ask for one version"):
        read(tmp_path, inputs=True)
    assert read(tmp_path, version="2", inputs=True).windows.shape == (1, 4, 5)
    assert list(read(tmp_path, version="1", inputs=True).frame["request_id"]) == ["one"]


def test_a_log_without_rows(tmp_path):
    found = read(tmp_path, inputs=True)
    assert list(found.frame["mean"]) == []
    assert "prediction_id" in found.frame
    assert found.windows.shape == (0, 0, 5)


def test_no_such_folder(tmp_path):
    with pytest.raises(PredictionLogError, match="nowhere"):
        read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"",
        lambda content: b"PAR1",
        lambda content: content[: len(content) // 2],
        lambda content: content[: len(content) // 2] + bytes(len(content) // 2),
        lambda content: b"\xff" * len(content),
        lambda content: content[:4] + b"\xff" * 400 + content[404:],
        lambda content: content[:-200] + b"\x00" * 192 + content[-8:],
    ],
    ids=["empty", "start alone", "cut", "half zeros", "noise", "pages", "footer"],
)
def test_a_damaged_file_is_named(damaged, spoil):
    folder, file = damaged
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(PredictionLogError, match=file.name):
        read(folder, inputs=True)


@given(st.data())
def test_a_bit_that_has_changed_is_found_or_is_in_nothing_that_is_read(folder, data):
    file = min(folder.rglob("*.parquet"))
    content, footer = file.read_bytes(), pq.ParquetFile(file).metadata.serialized_size + 8
    place = data.draw(st.integers(0, len(content) - footer - 1))
    changed = bytearray(content)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    before = read(folder, inputs=True)
    try:
        file.write_bytes(changed)
        with contextlib.suppress(PredictionLogError):
            after = read(folder, inputs=True)
            pd.testing.assert_frame_equal(after.frame, before.frame)
            assert np.array_equal(after.windows, before.windows)
    finally:
        file.write_bytes(content)


def test_another_table_under_a_name_of_ours(damaged):
    folder, file = damaged
    pq.write_table(pa.table({"mean": [1.0]}), file)
    with pytest.raises(PredictionLogError, match=f"{file.name} does not have the columns"):
        read(folder)


@pytest.mark.parametrize(
    "name", ["x.parquet", "model=sp500/x", "model=sp500/date=2023-11-15/x.parquet", "x/y"]
)
def test_what_is_not_of_a_log_is_named(tmp_path, name):
    write(tmp_path, predictions("one"))
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(PredictionLogError, match=f"{name.split('/')[0 if name == 'x/y' else -1]}"):
        read(tmp_path)


def test_hidden_files_are_passed_over(tmp_path):
    write(tmp_path, predictions("one"))
    (day,) = tmp_path.rglob("date=*")
    for place in (tmp_path, day):
        (place / ".DS_Store").write_bytes(b"")
        (place / "_SUCCESS").write_bytes(b"")
    assert len(read(tmp_path)) == 1
