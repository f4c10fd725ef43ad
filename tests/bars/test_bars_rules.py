import timeit

import numpy as np
import pytest
from bar_tables import valid_values
from hypothesis import given
from hypothesis import strategies as st

from ordinis_mlflow.bars import COLUMNS, TOLERANCE, Violation, check_values
from ordinis_mlflow.errors import InvalidBars

FAULTS = [np.nan, np.inf, -np.inf, 0.0, -1.0, 1e-9, 99.0, 101.0, 1e12]


def obeys(bar) -> bool:
    """The rules, written once more for one bar."""
    open_, high, low, close, volume = (float(x) for x in bar)
    if not all(np.isfinite([open_, high, low, close, volume])):
        return False
    if min(open_, high, low, close) <= 0 or volume < 0 or high < low:
        return False
    return all(
        price * (1 - TOLERANCE) <= high and low * (1 - TOLERANCE) <= price
        for price in (open_, close)
    )


@given(
    shape=st.sampled_from([(7,), (1, 7), (3, 4), (2, 3, 2)]),
    seed=st.integers(0, 1000),
    faults=st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(0, 4), st.sampled_from(FAULTS)), max_size=4
    ),
)
def test_agrees_with_a_loop_over_the_bars(shape, seed, faults):
    rows = valid_values(int(np.prod(shape)), seed)
    for row, column, value in faults:
        rows[row % len(rows), column] = value
    bad = [i for i, bar in enumerate(rows) if not obeys(bar)]
    violation = check_values(rows.reshape(*shape, 5))
    if not bad:
        assert violation is None
    else:
        assert violation is not None
        assert violation.index == np.unravel_index(bad[0], shape)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"close": np.nan}, "close nan is not a finite number"),
        ({"high": np.inf}, "high inf is not a finite number"),
        ({"volume": np.inf}, "volume inf is not a finite number"),
        ({"open": -np.inf}, "open -inf is not a finite number"),
        ({"open": 0.0}, "open 0.0 is not above zero"),
        ({"high": -1.0}, "high -1.0 is not above zero"),
        ({"low": -2.5}, "low -2.5 is not above zero"),
        ({"close": 0.0}, "close 0.0 is not above zero"),
        ({"volume": -1.0}, "volume -1.0 is negative"),
        ({"high": 89.0}, "high 89.0 is below low 90.0"),
        ({"open": 111.0}, "open 111.0 is above high 110.0"),
        ({"open": 89.0}, "open 89.0 is below low 90.0"),
        ({"close": 111.0}, "close 111.0 is above high 110.0"),
        ({"close": 89.0}, "close 89.0 is below low 90.0"),
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_names_the_first_bad_bar_and_its_rule(changes, rule, dtype):
    windows = np.tile(np.array([100.0, 110.0, 90.0, 105.0, 1.0], dtype), (2, 3, 1))
    for name, value in changes.items():
        windows[1, 1:, COLUMNS.index(name)] = value
    assert check_values(windows) == Violation((1, 1), rule)


def test_rounding_of_adjusted_prices_is_tolerated_up_to_the_tolerance():
    bar = np.array([100.0, 100.0, 100.0, 100.0, 1.0])
    for inside, factor in ((True, 0.5), (False, 2.0)):
        for sign in (1, -1):
            bar[3] = 100.0 * (1 + sign * factor * TOLERANCE)
            assert (check_values(bar) is None) is inside


def test_large_and_small_numbers_do_not_overflow():
    largest, tiny = np.finfo(float).max, np.finfo(float).smallest_subnormal
    assert check_values(np.array([largest, largest, tiny, largest, largest])) is None
    assert check_values(np.full(5, tiny)) is None
    assert check_values(np.array([1e15, 2e15, 1e14, 1.5e15, 0.0])) is None


def test_integers_one_bar_and_no_bars():
    assert check_values(np.array([2, 3, 1, 2, 0])) is None
    assert check_values(np.empty((0, 5))) is None
    assert check_values(np.array([2, 1, 3, 2, 0])) == Violation((), "high 1 is below low 3")


@pytest.mark.parametrize(
    "values",
    [np.zeros((3, 4)), np.array(1.0), np.zeros(5, complex), np.zeros(5, bool), np.array(["a"] * 5)],
)
def test_other_arrays_are_refused(values):
    with pytest.raises(InvalidBars, match=r"pass real numbers of shape \(\.\.\., 5\)"):
        check_values(values)


def test_is_quick_enough_for_every_request():
    window = valid_values(180)[np.newaxis]
    seconds = min(timeit.repeat(lambda: check_values(window), number=200, repeat=10)) / 200
    assert seconds < 100e-6  # about 12 µs when measured; the budget is 25, the rest is for busy CI
