"""Signal: its fields as records, as a frame and one after another."""

import json

import numpy as np
import pandas as pd

from ordinis_mlflow.signal import Signal

NAMES = ("mean", "scale", "probability_up", "direction", "strength")


def make_signal(windows: int, seed: int = 0) -> Signal:
    rng = np.random.default_rng(seed)
    mean, scale, probability, strength = rng.random((4, windows), dtype=np.float32)
    return Signal(mean, scale, probability, rng.integers(-1, 2, windows), strength)


def test_names_are_the_fields_in_order():
    signal = make_signal(3)
    assert Signal.names() == NAMES
    assert [name for name, _ in signal.columns()] == list(NAMES)
    for name, values in signal.columns():
        assert values is getattr(signal, name)


def test_length_is_the_number_of_windows():
    assert [len(make_signal(n)) for n in (0, 1, 7)] == [0, 1, 7]


def test_records_are_plain_python_and_keep_every_bit():
    signal = make_signal(4)
    records = signal.records()
    assert len(records) == 4
    for i, record in enumerate(records):
        assert list(record) == list(NAMES)
        assert {name: type(value) for name, value in record.items()} == {
            name: int if name == "direction" else float for name in NAMES
        }
        assert all(np.float32(record[n]) == getattr(signal, n)[i] for n in NAMES)
    assert json.loads(json.dumps(records)) == records


def test_records_of_no_windows():
    assert make_signal(0).records() == []


def test_frame_has_one_row_a_window_and_the_fields_types():
    signal = make_signal(5)
    frame = signal.to_frame()
    assert list(frame.columns) == list(NAMES)
    assert [str(kind) for kind in frame.dtypes] == ["float32"] * 3 + ["int64", "float32"]
    pd.testing.assert_index_equal(frame.index, pd.RangeIndex(5))
    for name, values in signal.columns():
        np.testing.assert_array_equal(frame[name], values)


def test_concatenate_keeps_the_order():
    parts = [make_signal(2, seed=1), make_signal(0), make_signal(3, seed=2)]
    whole = Signal.concatenate(parts)
    assert len(whole) == 5
    assert whole.records() == [record for part in parts for record in part.records()]
    assert whole.direction.dtype == np.int64
    assert whole.mean.dtype == np.float32


def test_concatenate_copies():
    part = make_signal(2)
    whole = Signal.concatenate([part])
    assert not np.shares_memory(whole.mean, part.mean)
