"""What is added is read, exactly once, whatever it holds and however it is cut into files."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from predictions_made import NOON, Tally, keeping, predictions, source

from ordinis_mlflow.prediction_log import PredictionLog
from ordinis_mlflow.prediction_log.read import read

DAY = 86_400 * 10**9
LOOKBACKS = {"1": 3, "2": 7}
NAMES = ("sp500", "../a/b\0", "ü")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@st.composite
def requests(draw, number):
    """One request, or a part of one."""
    n = draw(st.integers(0, 4))
    version = draw(st.sampled_from(sorted(LOOKBACKS)))
    who = source(
        draw(st.sampled_from(["champion", "shadow"])), draw(st.sampled_from(NAMES)), version
    )
    rows = draw(st.none() | st.lists(st.integers(0, 50), min_size=n, max_size=n, unique=True))
    symbols = draw(st.none() | st.lists(texts, min_size=n, max_size=n))
    times = draw(st.none() | st.lists(st.integers(0, 2**62), min_size=n, max_size=n))
    seed = draw(st.integers(0, 2**32 - 1))
    keeps = draw(st.booleans())
    return predictions(
        f"request-{number}",
        n,
        at=NOON + draw(st.integers(-DAY, DAY)),
        seed=seed,
        source=who,
        windows=np.random.default_rng(seed).random((n, LOOKBACKS[version], 5)) if keeps else None,
        rows=None if rows is None else np.array(rows, np.intp),
        symbols=None if symbols is None else tuple(symbols),
        bar_times=None if times is None else np.array(times, np.int64),
    )


@st.composite
def traffic(draw):
    return [draw(requests(number)) for number in range(draw(st.integers(0, 8)))]


def rows_of(each):
    """What the log must hold of one request: one tuple a row, window last."""
    for i in range(len(each)):
        s = each.source
        values = (each.signal.mean[i], each.signal.scale[i], each.signal.probability_up[i])
        yield (
            f"{each.request_id}/{i if each.rows is None else each.rows[i]}",
            each.answered_at,
            *(s.arm, s.model, s.version, s.feature_set, s.features_digest),
            *(s.horizon, s.degrees_of_freedom),
            None if each.symbols is None else each.symbols[i],
            None if each.bar_times is None else int(each.bar_times[i]),
            *(float(value) for value in values),
            int(each.signal.direction[i]),
            float(each.signal.strength[i]),
        )


def rows_read(frame):
    columns = [
        *("prediction_id", "answered_at", "arm", "model", "version", "feature_set"),
        *("features_digest", "horizon", "degrees_of_freedom", "symbol", "bar_time"),
        *("mean", "scale", "probability_up", "direction", "strength"),
    ]
    for row in frame[columns].itertuples(index=False):
        values = [each.value if isinstance(each, pd.Timestamp) else each for each in row]
        yield tuple(None if pd.isna(each) else each for each in values)


@given(given=traffic(), rows_a_file=st.integers(1, 5))
@settings(max_examples=60)
def test_what_is_added_is_read_once(given, rows_a_file):
    with tempfile.TemporaryDirectory() as folder:
        tally = Tally()
        log = PredictionLog(keeping(folder, log_rows_a_file=rows_a_file), tally)
        log.start()
        for each in given:
            log.add(each)
        log.stop()
        frame = read(folder).frame
        expected = [row for each in given for row in rows_of(each)]
        assert sorted(rows_read(frame), key=repr) == sorted(expected, key=repr)
        assert frame["answered_at"].is_monotonic_increasing
        assert (tally.rows, tally.losses, tally.pending) == (len(expected), {}, 0)
        for version, lookback in LOOKBACKS.items():
            check_windows(given, read(folder, version=version, inputs=True), version, lookback)


def check_windows(given, logged, version, lookback):
    expected = {
        name[0]: window.tolist()
        for each in given
        if each.source.version == version and each.windows is not None
        for name, window in zip(rows_of(each), each.windows, strict=True)
    }
    assert logged.windows.shape == (len(expected), lookback if expected else 0, 5)
    ids = logged.frame["prediction_id"]
    assert dict(zip(ids, logged.windows.tolist(), strict=True)) == expected


def test_files_are_cut(tmp_path):
    log = PredictionLog(keeping(tmp_path, log_rows_a_file=300), Tally())
    log.start()
    for number in range(1000):
        log.add(predictions(f"{number}"))
    log.stop()
    assert 3 <= len(list(tmp_path.rglob("*.parquet"))) <= 8
    assert len(read(tmp_path)) == 1000


def test_other_readers_take_it_for_one_table(tmp_path):
    log = PredictionLog(keeping(tmp_path), Tally())
    log.start()
    log.add(predictions("one", 2))
    log.add(predictions("two", source=source(model="nasdaq", arm="shadow")))
    log.stop()
    frame = pd.read_parquet(tmp_path)
    assert sorted(frame["model"]) == ["nasdaq", "sp500", "sp500"]
    assert set(frame["date"]) == {"2023-11-15"}


def test_windows_may_be_views_of_anything(tmp_path):
    wide = np.random.default_rng(0).random((4, 5, 3))
    log = PredictionLog(keeping(tmp_path), Tally())
    log.start()
    log.add(predictions("view", 2, windows=wide.swapaxes(1, 2)[::2]))
    log.stop()
    assert np.array_equal(read(tmp_path, inputs=True).windows, wide.swapaxes(1, 2)[::2])


def test_days_are_of_utc(tmp_path):
    midnight = 1_700_006_400 * 10**9
    log = PredictionLog(keeping(tmp_path), Tally())
    log.start()
    log.add(predictions("before", at=midnight - 1))
    log.add(predictions("after", at=midnight))
    log.stop()
    days = [path.parent.name for path in sorted(Path(tmp_path).rglob("*.parquet"))]
    assert days == ["date=2023-11-14", "date=2023-11-15"]
