"""Walk forward by examples: windows, steps, gaps, month ends and closures."""

import doctest
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from panels import DAY, days

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.splits import WalkForward, Window, _walk_forward

MONTH = pd.DateOffset(months=1)


def span(n):
    return pd.Timedelta(days=n)


def indices(walk, starts, ends):
    return [(train.tolist(), test.tolist()) for train, test in walk.split(starts, ends)]


def dated(windows):
    return [" ".join(str(t)[:10] for t in (w.first, w.refit, w.until)) for w in windows]


def test_docstring_example_prints_what_it_says():
    result = doctest.testmod(_walk_forward)
    assert result.attempted >= 7
    assert result.failed == 0


def test_rolling_and_expanding_windows_of_two_symbols():
    starts = days(*range(8), *range(8))  # the second symbol has the rows 8 to 15
    walk = WalkForward(train=span(3), test=span(2))
    assert indices(walk, starts, starts + DAY) == [
        ([0, 1, 8, 9], [3, 4, 11, 12]),
        ([2, 3, 10, 11], [5, 6, 13, 14]),
        ([4, 5, 12, 13], [7, 15]),
    ]
    expanding = replace(walk, expanding=True)
    assert indices(expanding, starts, starts + DAY) == [
        ([0, 1, 8, 9], [3, 4, 11, 12]),
        ([0, 1, 2, 3, 8, 9, 10, 11], [5, 6, 13, 14]),
        ([0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13], [7, 15]),
    ]


def test_steps_shorter_and_longer_than_the_test_part():
    starts = days(*range(10))
    short = WalkForward(train=span(4), test=span(3), step=span(2))
    assert [test for _, test in indices(short, starts, starts)] == [[4, 5, 6], [6, 7, 8], [8, 9]]
    long = replace(short, step=span(4))
    assert [test for _, test in indices(long, starts, starts)] == [[4, 5, 6], [8, 9]]


def test_a_gap_adds_to_the_purge():
    starts = days(*range(9))
    walk = WalkForward(train=span(6), test=span(9), gap=2 * DAY)
    assert indices(walk, starts, starts + DAY) == [([0, 1, 2], [6, 7, 8])]
    nearly = replace(walk, gap=timedelta(days=2, microseconds=-1))
    assert indices(nearly, starts, starts + DAY) == [([0, 1, 2, 3], [6, 7, 8])]


def test_months_are_counted_from_the_first_date():
    starts = np.datetime64("2024-01-31", "ns") + np.arange(150) * DAY
    windows = WalkForward(train=MONTH, test=MONTH).windows(starts)
    assert dated(windows) == [
        "2024-01-31 2024-02-29 2024-03-31",
        "2024-02-29 2024-03-31 2024-04-30",
        "2024-03-31 2024-04-30 2024-05-31",
        "2024-04-30 2024-05-31 2024-06-30",
    ]
    quarters = WalkForward(train=MONTH, test=pd.DateOffset(months=3), step=MONTH).windows(starts)
    assert dated(quarters)[1] == "2024-02-29 2024-03-31 2024-06-30"


def test_months_after_days_are_counted_from_where_the_days_end():
    starts = days(*range(110))
    windows = WalkForward(train=span(30), test=span(9), step=MONTH).windows(starts)
    assert dated(windows) == [
        "2024-01-01 2024-01-31 2024-02-09",
        "2024-01-30 2024-02-29 2024-03-09",
        "2024-03-01 2024-03-31 2024-04-09",
    ]


def test_a_leap_day_is_one_of_february():
    starts = np.datetime64("2022-02-28", "ns") + np.arange(1000) * DAY
    walk = WalkForward(train=pd.DateOffset(years=1), test=pd.DateOffset(years=1), expanding=True)
    assert dated(walk.windows(starts)) == [
        "2022-02-28 2023-02-28 2024-02-28",
        "2022-02-28 2024-02-28 2025-02-28",
    ]


def test_when_clocks_are_put_forward_no_date_is_lost():
    close = pd.date_range("2024-03-07 16:00", periods=6, tz="America/New_York")
    starts = close.tz_convert("UTC").tz_localize(None).to_numpy()  # 21:00, from the 10th on 20:00
    walk = WalkForward(train=span(1), test=span(1))
    tested = [test for _, test in indices(walk, starts, starts)]
    assert tested == [[1], [2, 3], [4], [5]]
    with pytest.raises(InvalidConfig, match=r"got object .*; convert the times to UTC"):
        walk.windows(np.asarray(close))


def test_windows_are_values_of_nanoseconds():
    (window,) = WalkForward(train=span(3), test=span(9)).windows(days(*range(5)))
    assert window == Window(days(0)[0], days(3)[0], days(12)[0])
    assert {t.dtype for t in vars(window).values()} == {np.dtype("datetime64[ns]")}


def test_a_closure_has_no_window():
    starts = days(0, 1, 2, 3, 4, 20, 21)
    walk = WalkForward(train=span(3), test=span(2), expanding=True)
    assert [test for _, test in indices(walk, starts, starts)] == [[3, 4], [5], [6]]
