"""The table of features and outputs, and the reference that is fitted on it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordinis_mlflow.drift import DriftReference, DriftTable, drift_table, fit_reference
from ordinis_mlflow.drift.fitting import MOST_WINDOWS, WINDOW
from ordinis_mlflow.drift.table import OUTPUTS
from ordinis_mlflow.errors import InvalidConfig, InvalidDriftReference
from ordinis_mlflow.signal import Signal


def signal(rng, n):
    mean, scale, up = rng.normal(size=n), rng.uniform(1, 2, n), rng.uniform(size=n)
    return Signal(
        *(each.astype(np.float32) for each in (mean, scale, up)), np.zeros(n, np.int64), up
    )


@given(st.integers(0, 2**32 - 1))
def test_one_row_a_time_of_medians_whatever_the_order(seed):
    rng = np.random.default_rng(seed)
    dates, symbols = 7, int(rng.integers(1, 6))
    times = np.repeat(np.arange(dates) * 10, symbols)
    shuffled = rng.permutation(len(times))
    features, unit = rng.normal(size=(len(times), 2)), rng.uniform(0.5, 2, len(times))
    said = signal(rng, len(times))
    table = drift_table(times[shuffled], features[shuffled], ("a", "b"), _at(said, shuffled),
                        unit[shuffled])  # fmt: skip
    assert table.columns == ("a", "b", *OUTPUTS)
    np.testing.assert_array_equal(table.times, np.arange(dates) * 10)
    columns = [*features.T, said.mean / unit, said.scale / unit, said.probability_up.astype(float)]
    for column, values in enumerate(columns):
        expected = np.median(values.reshape(dates, symbols), axis=1)
        np.testing.assert_allclose(table.values[:, column], expected, rtol=1e-12)


def _at(said, rows):
    return Signal(*(getattr(said, name)[rows] for name in Signal.names()))


def test_rows_of_one_symbol_are_kept_as_they_are():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(50, 3))
    table = drift_table(np.arange(50), features, tuple("abc"), signal(rng, 50), np.ones(50))
    np.testing.assert_array_equal(table.values[:, :3], features)


def test_a_date_that_few_symbols_have_is_left_out():
    times = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3])
    rng = np.random.default_rng(2)
    features = rng.normal(size=(len(times), 1))
    table = drift_table(times, features, ("a",), signal(rng, len(times)), np.ones(len(times)))
    assert table.times.tolist() == [0, 1, 2]  # two of four are enough, one is not


def test_no_rows_are_a_table_too():
    rng = np.random.default_rng(3)
    table = drift_table(np.empty(0), np.empty((0, 1)), ("a",), signal(rng, 0), np.empty(0))
    assert len(table) == 0
    assert table.values.shape == (0, 4)


@pytest.mark.parametrize("names", [("a",), ("a", OUTPUTS[0]), ("a", "b", "c")])
def test_names_that_are_not_of_the_features_are_refused(names):
    rng = np.random.default_rng(4)
    with pytest.raises(InvalidConfig, match="drift table"):
        drift_table(np.arange(9), rng.normal(size=(9, 2)), names, signal(rng, 9), np.ones(9))


def table_of(rows, columns=2):
    values = np.random.default_rng(5).normal(size=(rows, columns))
    return DriftTable(tuple(f"c{at}" for at in range(columns)), np.arange(rows), values)


@pytest.mark.parametrize("lookback", [1, 30, 500])
def test_eight_windows_are_enough_however_far_features_look_back(lookback):
    reference = fit_reference(table_of(8 * WINDOW), lookback)
    assert reference.window == WINDOW
    again = DriftReference.from_bytes(reference.to_bytes())
    np.testing.assert_array_equal(again.limits, reference.limits)
    with pytest.raises(InvalidDriftReference, match="479"):
        fit_reference(table_of(8 * WINDOW - 1), lookback)


def test_a_long_look_back_keeps_neighbours_out_of_the_comparison():
    """A slow column is like its neighbours: without them its windows lie further away."""
    slow = pd.Series(np.random.default_rng(6).normal(size=2000)).ewm(halflife=40).mean()
    table = DriftTable(("slow",), np.arange(2000), slow.to_numpy()[:, None])
    assert fit_reference(table, 120).limits[0] > 1.02 * fit_reference(table, 1).limits[0]


def test_a_long_reference_is_fitted_on_no_more_windows():
    rows = 40 * MOST_WINDOWS
    reference = fit_reference(table_of(rows, 1), 120)
    dense = DriftReference.fit(
        table_of(rows, 1).values[: rows // 8], ("c0",), stride=5, embargo=119
    )
    assert reference.limits == pytest.approx(dense.limits, rel=0.2)
