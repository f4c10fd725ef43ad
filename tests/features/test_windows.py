"""Windows and Samples: views of one table."""

import numpy as np
import pytest

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.features import Samples, windows

TABLE = np.random.default_rng(2).standard_normal((30, 4)).astype(np.float32)


@pytest.mark.parametrize("steps", [1, 2, 7, 30])
def test_windows_are_slices(steps):
    view = windows(TABLE, steps)
    assert view.shape == (30 - steps + 1, steps, 4)
    assert view.dtype == np.float32
    for i, window in enumerate(view):
        np.testing.assert_array_equal(window, TABLE[i : i + steps])


def test_windows_share_the_tables_memory_and_are_read_only():
    table = TABLE.copy()
    view = windows(table, 5)
    assert np.shares_memory(view, table)
    with pytest.raises(ValueError, match="read-only"):
        view[0, 0, 0] = 1.0
    table[5, 2] = 123.0
    assert view[1, 4, 2] == view[5, 0, 2] == 123.0


@pytest.mark.parametrize(("rows", "steps"), [(4, 5), (0, 1), (4, 0), (4, -1)])
def test_windows_refuse_too_few_rows(rows, steps):
    with pytest.raises(InvalidConfig, match=f"windows of {steps} rows need .*got {rows} rows"):
        windows(TABLE[:rows], steps)


def samples() -> Samples:
    last_rows = np.array([4, 5, 9, 20, 29])
    return Samples(TABLE, last_rows, np.arange(5, dtype=np.float32), steps=5)


def test_batch_holds_the_rows_up_to_each_last_row():
    batch = samples().batch(np.array([3, 0, 4, 0]))
    assert batch.shape == (4, 5, 4)
    for window, last in zip(batch, (20, 4, 29, 4), strict=True):
        np.testing.assert_array_equal(window, TABLE[last - 4 : last + 1])


def test_batch_is_a_copy():
    batch = samples().batch(np.array([0, 1]))
    assert not np.shares_memory(batch, TABLE)
    batch[:] = 0.0  # writable
    assert TABLE[4].any()


def test_empty_batch():
    assert samples().batch(np.array([], dtype=np.int64)).shape == (0, 5, 4)


def test_select_keeps_the_table_and_takes_rows_and_labels():
    chosen = samples().select(np.array([4, 1]))
    assert len(samples()) == 5
    assert len(chosen) == 2
    assert chosen.table is TABLE
    assert chosen.steps == 5
    np.testing.assert_array_equal(chosen.last_rows, [29, 5])
    np.testing.assert_array_equal(chosen.labels, [4.0, 1.0])
    np.testing.assert_array_equal(chosen.batch(np.array([0, 1])), samples().batch(np.array([4, 1])))


def test_a_window_cannot_begin_before_the_table():
    with pytest.raises(InvalidConfig, match="window of 5 rows cannot end at row 2"):
        Samples(TABLE[:3], np.array([2]), np.zeros(1, np.float32), steps=5)
