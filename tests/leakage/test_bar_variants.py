"""Changed bars obey the rules of bars, at the same times, and are changed where they should be."""

import numpy as np
import pytest
from random_market import market

from ordinis_mlflow.bars import Bars
from ordinis_mlflow.leakage import replaced, shuffled

BARS = market(3, days=200)
SINCE = np.datetime64("2020-05-01", "ns")


def units(series):
    values = series.values
    moves = np.log(values[1:, :4] / values[:-1, 3:4])
    return np.concatenate([moves, values[1:, 4:]], axis=1)


@pytest.mark.parametrize("changed", [replaced(BARS, SINCE), shuffled(BARS, 1)])
def test_symbols_and_times_stay(changed):
    assert changed.symbols == BARS.symbols
    for one, other in zip(changed.series(), BARS.series(), strict=True):
        np.testing.assert_array_equal(one.nanoseconds(), other.nanoseconds())


def test_replaced_bars_are_all_others_and_earlier_ones_the_same():
    for one, other in zip(replaced(BARS, SINCE).series(), BARS.series(), strict=True):
        later = other.nanoseconds().view("datetime64[ns]") >= SINCE
        np.testing.assert_array_equal(one.values[~later], other.values[~later])
        assert (one.values[later, :4] != other.values[later, :4]).all()


def test_replaced_moves_run_backwards_turned_over_and_stretched():
    for one, other in zip(replaced(BARS, SINCE).series(), BARS.series(), strict=True):
        n = int((other.nanoseconds().view("datetime64[ns]") >= SINCE).sum())
        made, true = units(one)[-n:], units(other)[-n:][::-1]
        np.testing.assert_allclose(made[:, [0, 3]], -1.25 * true[:, [0, 3]], atol=1e-12)
        np.testing.assert_allclose(made[:, [1, 2]], -1.25 * true[:, [2, 1]], atol=1e-12)
        np.testing.assert_array_equal(made[:, 4], true[:, 4])


def test_a_symbol_that_begins_later_keeps_its_first_bar():
    early = np.datetime64("2019-01-01", "ns")
    for one, other in zip(replaced(BARS, early).series(), BARS.series(), strict=True):
        np.testing.assert_array_equal(one.values[0], other.values[0])
        assert (one.values[1:, :4] != other.values[1:, :4]).all()


def test_shuffled_moves_are_the_same_in_another_order():
    for one, other in zip(shuffled(BARS, 1).series(), BARS.series(), strict=True):
        np.testing.assert_array_equal(one.values[0], other.values[0])
        np.testing.assert_allclose(one.values[-1, 3], other.values[-1, 3])
        made, true = units(one), units(other)
        np.testing.assert_allclose(np.sort(made, axis=0), np.sort(true, axis=0), atol=1e-12)
        # Each unit stays whole: its volume tells which it was.
        order = np.argsort(true[:, 4])[np.argsort(np.argsort(made[:, 4]))]
        np.testing.assert_allclose(made, true[order], atol=1e-12)
        assert (order != np.arange(len(order))).mean() > 0.9


def test_symbols_are_shuffled_each_by_itself_and_by_the_seed():
    one, other = market(3, days=200, symbols=("AAA",)).parts * 2, shuffled(BARS, 1)
    assert shuffled(BARS, 1) == other
    assert shuffled(BARS, 2) != other
    twins = Bars((one[0], type(one[0])("TWIN", one[0].timestamps, one[0].values)))
    first, second = shuffled(twins, 1).series()
    assert (first.values[1:-1, 3] != second.values[1:-1, 3]).any()


def test_an_open_beyond_the_high_by_a_vendors_rounding_is_no_obstacle():
    (series,) = market(3, days=50, symbols=("AAA",)).series()
    values = series.values.copy()
    values[:, 1] = np.maximum(values[:, 0], values[:, 3]) * (1 - 9e-7)
    values[:, 2] = np.minimum(values[:, 2], values[:, 1])
    bars = Bars((type(series)("AAA", series.timestamps, values),))
    assert replaced(bars, series.timestamps[20].to_datetime64()) != shuffled(bars, 1) != bars
