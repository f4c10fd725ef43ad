"""SignalModel: from windows and from bars to signals, and what it refuses."""

from concurrent.futures import ThreadPoolExecutor

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from ordinis_mlflow.bars import Bars
from ordinis_mlflow.errors import InvalidBars, InvalidWindows, OrdinisError, TooFewBars
from ordinis_mlflow.signal import Signal

FIELDS = list(Signal.names())


@pytest.fixture(scope="module")
def lookback(small_model):
    return small_model.contract.lookback


@pytest.fixture(scope="module")
def served(saved_package):
    return mlflow.pyfunc.load_model(str(saved_package))


def assert_rows(frame, signal):
    for name, values in signal.columns():
        np.testing.assert_allclose(frame[name], values, rtol=1e-5, atol=1e-7, err_msg=name)


def test_latest_signal_is_that_of_the_latest_window(small_model, small_bars, lookback):
    frame = small_model.signal(small_bars)
    windows = np.stack([part.values[-lookback:] for part in small_bars.series()])
    assert list(frame.columns) == ["symbol", "timestamp", *FIELDS]
    assert list(frame["symbol"]) == ["AAA", "BBB"]
    assert (frame["timestamp"] == small_bars.frame["timestamp"].max()).all()
    assert_rows(frame, small_model.predict(windows))


def test_order_of_symbols_is_kept(small_model, small_frame):
    backwards = pd.concat(
        [small_frame.query("symbol == 'BBB'"), small_frame.query("symbol == 'AAA'")]
    )
    for frame in (small_model.signal(backwards), small_model.signals(backwards)):
        assert list(frame["symbol"].unique()) == ["BBB", "AAA"]


def test_older_bars_do_not_matter(small_model, small_bars, lookback):
    pd.testing.assert_frame_equal(
        small_model.signal(small_bars), small_model.signal(small_bars.latest(lookback))
    )


def test_every_signal_is_what_the_model_said_then(small_model, small_bars, lookback):
    frame = small_model.signals(small_bars)
    assert len(frame) == 2 * (420 - lookback + 1)
    last = frame.groupby("symbol").tail(1).reset_index(drop=True)
    pd.testing.assert_frame_equal(last, small_model.signal(small_bars), rtol=1e-5, atol=1e-7)
    for at in (0, 17, 200):
        row = frame.query("symbol == 'BBB'").iloc[[at]].reset_index(drop=True)
        then = small_model.signal(small_bars.between(end=row["timestamp"][0].isoformat()))
        expected = then.query("symbol == 'BBB'").reset_index(drop=True)
        pd.testing.assert_frame_equal(row, expected, rtol=1e-5, atol=1e-7)


def test_frame_and_bars_give_the_same(small_model, small_frame, small_bars):
    pd.testing.assert_frame_equal(small_model.signal(small_frame), small_model.signal(small_bars))


def test_unequal_histories_give_each_its_own_last_bar(small_model, small_frame):
    cut = small_frame.drop(small_frame.query("symbol == 'AAA'").index[-30:])
    frame = small_model.signal(cut).set_index("symbol")
    assert frame.loc["BBB", "timestamp"] - frame.loc["AAA", "timestamp"] == pd.Timedelta(days=30)
    assert len(small_model.signals(cut)) == len(small_model.signals(small_frame)) - 30


@pytest.mark.parametrize("spacing", ["1h", "5min", "12h", "2D", "7D"])
def test_other_frequency_is_refused(small_model, small_frame, spacing):
    times = pd.date_range("2020-01-01", periods=420, freq=spacing, tz="UTC")
    frame = small_frame.assign(timestamp=np.tile(times, 2))
    for call in (small_model.signal, small_model.signals):
        with pytest.raises(InvalidBars, match=r"trained on bars 1 days .* apart"):
            call(frame)


def test_gaps_of_weekends_are_no_other_frequency(small_model, small_frame):
    times = pd.date_range("2020-01-01", periods=420, freq="B", tz="UTC")
    assert len(small_model.signal(small_frame.assign(timestamp=np.tile(times, 2)))) == 2


def test_too_few_bars_are_refused_by_symbol_and_count(small_model, small_bars, lookback):
    assert len(small_model.signals(small_bars.latest(lookback))) == 2
    with pytest.raises(TooFewBars, match=f"'AAA' has {lookback - 1} bars.*needs {lookback}"):
        small_model.signal(small_bars.latest(lookback - 1))


def test_one_short_symbol_is_refused(small_model, small_frame):
    with pytest.raises(TooFewBars, match="'BBB'"):
        small_model.signal(small_frame.iloc[:430])


def test_bad_bar_is_refused(small_model, small_frame):
    frame = small_frame.copy()
    frame.loc[419, "close"] = np.nan
    with pytest.raises(InvalidBars, match="'AAA'"):
        small_model.signal(frame)


def changed(windows, bar, column, value):
    copy = windows[:3].copy()
    copy[1, bar, column] = value
    return copy


INVALID = {
    "nan": (lambda w: changed(w, 5, 3, np.nan), "window 1, bar 5: close nan is not a finite"),
    "inf": (lambda w: changed(w, 0, 1, np.inf), "window 1, bar 0: high inf is not a finite"),
    "zero price": (lambda w: changed(w, 7, 2, 0.0), "window 1, bar 7: low 0.0 is not above zero"),
    "negative": (lambda w: changed(w, 7, 0, -1.0), "window 1, bar 7: open -1.0 is not above zero"),
    "high below low": (lambda w: changed(w, 9, 1, 0.5), "window 1, bar 9: high 0.5 is below low"),
    "negative volume": (lambda w: changed(w, -1, 4, -1.0), "volume -1.0 is negative"),
    "too short": (lambda w: w[:, 1:], r"must have shape \(n, 131, 5\)"),
    "too long": (lambda w: np.concatenate([w, w[:, :1]], axis=1), "must have shape"),
    "four columns": (lambda w: w[..., :4], "columns open, high, low, close, volume"),
    "one window": (lambda w: w[0], r"got \(131, 5\)"),
    "no windows": (lambda w: w[:0], r"with n >= 1 .* got \(0, 131, 5\)"),
    "strings": (lambda w: w.astype(str), "must be numbers, got an array of <U"),
    "objects": (lambda w: w.astype(object), "must be numbers, got an array of object"),
    "bools": (lambda w: w > 0, "must be numbers, got an array of bool"),
    "complex": (lambda w: w.astype(complex), "must be numbers, got an array of complex128"),
    "times": (lambda w: w.astype("datetime64[ns]"), "must be numbers"),
    "a number": (lambda w: 1.0, r"got \(\)"),
}


@pytest.mark.parametrize("kind", INVALID)
def test_invalid_windows_are_refused_with_the_reason(small_model, small_windows, kind):
    make, message = INVALID[kind]
    with pytest.raises(InvalidWindows, match=message) as caught:
        small_model.predict(make(small_windows))
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, OrdinisError)


def ragged(windows):
    return [windows[0].tolist(), windows[1][1:].tolist()]


def test_ragged_windows_are_refused(small_model, small_windows):
    with pytest.raises(InvalidWindows):
        small_model.predict(ragged(small_windows))


@pytest.mark.parametrize("kind", ["nan", "inf", "zero price", "high below low", "negative volume"])
def test_pyfunc_refuses_with_our_reason_as_a_client_error(served, small_windows, kind):
    make, message = INVALID[kind]
    with pytest.raises(MlflowException, match=message) as caught:
        served.predict({"bars": make(small_windows)})
    assert caught.value.get_http_status_code() == 400
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "send windows under the name 'bars', got"),
        ({"windows": 1}, r"under the name 'bars', got \['windows'\]"),
        ({"bars": "x"}, "must be numbers"),
        ({"bars": [[1, 2], [3]]}, "rectangle of numbers"),
        ({"bars": [[["a"] * 5] * 131]}, "must be numbers"),
        ({"bars": None}, "must be numbers"),
        ({"bars": [{}]}, "must be numbers"),
        ({"bars": []}, "must have shape"),
        ({"bars": [[[1e400] * 5] * 131]}, "not a finite number"),
        ({"bars": [[[10**400] * 5] * 131]}, "must be numbers"),
    ],
)
def test_wrapper_refuses_what_json_may_bring(served, data, message):
    with pytest.raises(MlflowException, match=message) as caught:
        served._model_impl.predict(data)
    assert caught.value.get_http_status_code() == 400


@pytest.mark.parametrize("dtype", [np.float32, ">f8"])
def test_other_number_types_are_converted(small_model, small_windows, dtype):
    given = small_windows[:6].astype(dtype)
    expected = small_model.predict(given.astype(np.float64))
    np.testing.assert_array_equal(small_model.predict(given).mean, expected.mean)


def test_windows_are_not_changed(small_model, small_windows):
    given = small_windows.copy()
    given.setflags(write=False)
    small_model.predict(given)
    np.testing.assert_array_equal(given, small_windows)


def test_threads_at_once_get_their_own_rows(small_model, small_windows):
    alone = [small_model.predict(window[None]) for window in small_windows]

    def ask(caller):
        index = np.random.default_rng(caller).permutation(len(small_windows))[: caller + 1]
        return index, small_model.predict(small_windows[index])

    with ThreadPoolExecutor(8) as pool:
        for index, signal in pool.map(ask, range(24)):
            for at, i in enumerate(index):
                assert signal.mean[at] == pytest.approx(alone[i].mean[0], rel=1e-5)
                assert signal.direction[at] == alone[i].direction[0]


def test_signals_differ_between_symbols(small_model, small_bars):
    frame = small_model.signal(small_bars)
    assert isinstance(small_bars, Bars)
    assert frame["mean"].nunique() == 2
