"""From bars to samples: aligned, purged, and blind to what comes after."""

import numpy as np
import pandas as pd
import pytest

from ordinis_mlflow.bars import COLUMNS, Bars
from ordinis_mlflow.errors import InvalidConfig, TooFewBars
from ordinis_mlflow.features import VOLATILITY_FLOOR, feature_set, probe_bars
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.prepare import prepare
from ordinis_mlflow.revisions import revise
from ordinis_mlflow.splits import Holdout
from ordinis_mlflow.store.compute import feature_rows

FEATURES = feature_set("technical@1")
VOLATILITY = "realised_volatility_20"
STEPS = 12
N = 420


def made(bars, horizon=1, scaler="standard", validation=0.15):
    holdout = Holdout(validation=validation, test=0.15)
    known = revise(None, bars, delay=0, now=0)
    table = feature_rows(known, FEATURES)[0].revisions().as_of()
    forecast = Forecast(horizon, 6, 0.02)
    return prepare(bars, table, FEATURES, forecast, VOLATILITY, STEPS, holdout, scaler, "abc")


@pytest.fixture(scope="module", params=[1, 5])
def horizon(request):
    return request.param


@pytest.fixture(scope="module")
def prepared(small_bars, horizon):
    return made(small_bars, horizon)


def test_rows_are_the_symbols_one_below_the_other(prepared, small_bars):
    rows = prepared.rows
    assert list(rows.symbols) == N * ["AAA"] + N * ["BBB"]
    np.testing.assert_array_equal(rows.close, small_bars.frame["close"])
    times = small_bars.frame["timestamp"].dt.tz_localize(None).to_numpy()
    np.testing.assert_array_equal(rows.times, times)
    for start, series in zip((0, N), small_bars.series(), strict=True):
        expected = FEATURES.history(series.values)
        np.testing.assert_array_equal(rows.features[start : start + N], expected)


def test_labels_are_forward_log_returns_in_units_of_volatility(prepared, small_bars, horizon):
    rows = prepared.rows
    for start in (0, N):
        part = slice(start, start + N)
        close, column = rows.close[part], FEATURES.names.index(VOLATILITY)
        unit = np.maximum(rows.features[part, column], VOLATILITY_FLOOR) * np.sqrt(horizon)
        expected = np.log(close[horizon:] / close[:-horizon]) / unit[:-horizon]
        np.testing.assert_allclose(rows.labels[part][:-horizon], expected, rtol=1e-10)
        assert np.isnan(rows.labels[part][-horizon:]).all()
        assert np.isnat(rows.ends[part][-horizon:]).all()
        np.testing.assert_array_equal(rows.ends[part][:-horizon], rows.times[part][horizon:])


def test_ready_rows_have_a_whole_window_and_a_label(prepared, horizon):
    rows, lookback = prepared.rows, FEATURES.lookback + STEPS - 1
    one = np.arange(lookback - 1, N - horizon)
    np.testing.assert_array_equal(rows.ready, np.concatenate([one, one + N]))
    assert np.isfinite(rows.labels[rows.ready]).all()
    windows = rows.ready[:, None] + np.arange(1 - STEPS, 1)
    assert np.isfinite(rows.features[windows]).all()
    assert (rows.symbols[windows] == rows.symbols[rows.ready][:, None]).all()


def test_samples_are_the_scaled_windows_of_their_part(prepared):
    rows = prepared.rows
    table = prepared.scaler.transform(rows.features).astype(np.float32)
    for name in ("train", "validation", "test"):
        samples, part = getattr(prepared, name), getattr(prepared.split, name)
        assert (samples.steps, samples.table.dtype, samples.labels.dtype) == (
            STEPS, np.float32, np.float32,
        )  # fmt: skip
        np.testing.assert_array_equal(samples.last_rows, rows.ready[part])
        np.testing.assert_array_equal(
            samples.labels, rows.labels[rows.ready[part]].astype(np.float32)
        )
        last = len(samples) - 1
        batch = samples.batch(np.array([0, last]))
        for window, row in zip(batch, samples.last_rows[[0, last]], strict=True):
            np.testing.assert_array_equal(window, table[row - STEPS + 1 : row + 1])
            assert np.isfinite(window).all()


def test_no_label_reaches_into_the_next_part(prepared):
    rows, split = prepared.rows, prepared.split
    ends, times = rows.ends[rows.ready], rows.times[rows.ready]
    assert ends[split.train].max() < split.validation_start <= times[split.validation].min()
    assert ends[split.validation].max() < split.test_start <= times[split.test].min()
    parts = np.concatenate([split.train, split.validation, split.test, split.purged])
    np.testing.assert_array_equal(np.sort(parts), np.arange(len(rows.ready)))


@pytest.mark.parametrize("method", ["standard", "robust"])
def test_scaler_is_fitted_on_the_training_windows_rows(small_bars, method):
    prepared = made(small_bars, scaler=method)
    last = prepared.train.last_rows
    read = np.unique(last[:, None] + np.arange(1 - STEPS, 1))
    values = prepared.rows.features[read]
    center = values.mean(axis=0) if method == "standard" else np.median(values, axis=0)
    np.testing.assert_allclose(prepared.scaler.center, center, rtol=1e-9, atol=1e-12)
    assert prepared.scaler.method == method
    assert prepared.scaler.rows == len(read)
    assert prepared.scaler.names == FEATURES.names
    assert prepared.scaler.snapshot == "abc"
    assert prepared.scaler.last == str(prepared.rows.times[last].max())


def test_the_future_changes_nothing_that_training_sees(small_frame, small_bars, horizon):
    before = made(small_bars, horizon)
    border = pd.Timestamp(before.split.validation_start, tz="UTC")
    frame = small_frame.copy()
    later = frame["timestamp"] >= border
    frame.loc[later, list(COLUMNS[:4])] *= 3.0
    frame.loc[later, "volume"] *= 0.1
    after = made(Bars.from_frame(frame), horizon)
    assert after.scaler == before.scaler
    np.testing.assert_array_equal(after.split.train, before.split.train)
    np.testing.assert_array_equal(after.train.labels, before.train.labels)
    index = np.arange(len(before.train))
    np.testing.assert_array_equal(after.train.batch(index), before.train.batch(index))
    assert (after.validation.batch(np.arange(5)) != before.validation.batch(np.arange(5))).any()


def test_a_symbols_rows_do_not_depend_on_the_others(small_frame, small_bars):
    alone = made(Bars.from_frame(small_frame.query("symbol == 'BBB'"))).rows
    both = made(small_bars).rows
    for name in ("features", "labels", "units", "times", "ends", "symbols", "close"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(both, name)[N:])


def test_one_short_symbol_is_refused_by_name(small_frame):
    needed = FEATURES.lookback + STEPS - 1 + 1
    for kept, refused in ((needed - 1, True), (needed, False)):
        frame = pd.concat([small_frame.iloc[:N], small_frame.iloc[2 * N - kept :]])
        if not refused:
            assert (made(Bars.from_frame(frame)).rows.symbols[-kept:] == "BBB").all()
            continue
        with pytest.raises(TooFewBars, match=f"'BBB' has {kept} bars.*needs {needed}"):
            made(Bars.from_frame(frame))


def test_empty_part_is_refused():
    times = pd.date_range("2020-01-01", periods=135, freq="D", tz="UTC")
    frame = pd.DataFrame(probe_bars(135), columns=list(COLUMNS)).assign(timestamp=times)
    with pytest.raises(InvalidConfig, match="would be empty"):
        made(Bars.from_frame(frame, symbol="AAA"), validation=0.01)
