"""What cannot be walked is refused before the first pair, and the reason is said."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from panels import DAY, days

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.splits import WalkForward

WEEK = pd.Timedelta("7D")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"train": pd.Timedelta(0)}, "train must be a period above zero, got Timedelta"),
        ({"test": pd.DateOffset(months=-1)}, r"test must be a period above zero, got <DateOffset"),
        ({"step": pd.DateOffset(months=1, days=-3)}, "step must be a period above zero"),
        ({"train": 5}, r"train must be a period such as .*, got 5; anchors"),
        ({"train": np.timedelta64(5, "D")}, "train must be a period such as"),
        ({"step": pd.offsets.MonthBegin()}, r"step must be a period .*got <MonthBegin>; anchors"),
        ({"step": pd.NaT}, "step must be a period such as .*, got NaT"),
        ({"step": pd.DateOffset(day=1)}, "step must be made of years, .* got day in"),
        ({"test": pd.DateOffset(days=10**6)}, "test must be shorter than 292 years"),
        ({"test": timedelta(days=10**6)}, "test must be shorter than 292 years"),
        ({"gap": pd.Timedelta("-1D")}, "gap must be 0 or more, got Timedelta"),
        ({"gap": pd.DateOffset(days=1)}, "gap must be a duration such as"),
    ],
)
def test_lengths_that_cannot_be_are_refused(options, reason):
    with pytest.raises(InvalidConfig, match=reason):
        WalkForward(**{"train": WEEK, "test": WEEK, **options})


def test_offsets_are_read_as_pandas_reads_them():
    starts = days(*range(200))
    for offset in (
        pd.DateOffset(3),
        pd.DateOffset(2, months=1),
        pd.DateOffset(months=1, weeks=1, hours=5, milliseconds=2),
    ):
        (window, *_) = WalkForward(train=offset, test=WEEK).windows(starts)
        assert window.refit == (pd.Timestamp(starts[0]) + offset).to_datetime64()


def test_a_history_that_ends_before_the_first_refit_is_refused():
    starts = days(*range(7))
    reason = "no date comes after the first training window: .* the newest being 2024-01-07"
    for train in (WEEK, pd.DateOffset(years=400), pd.DateOffset(years=10**8)):
        with pytest.raises(InvalidConfig, match=reason):
            WalkForward(train=train, test=WEEK).split(starts, starts)


def test_a_refit_without_training_labels_is_refused_before_the_first_pair():
    starts = days(*range(20))
    walk = WalkForward(train=WEEK, test=WEEK)
    reason = r"the refit of 2024-01-08.* no label starts at 2024-01-01.* a shorter label"
    with pytest.raises(InvalidConfig, match=reason):
        walk.split(starts, starts + 7 * DAY)
    late = days(*range(8), 10, 11, 30)  # the last refit looks back at a closure
    with pytest.raises(InvalidConfig, match=r"the refit of 2024-01-29"):
        walk.split(late, late)


def test_a_gap_of_centuries_does_not_wrap_around():
    starts = np.datetime64("1950-01-01", "ns") + np.arange(20) * DAY
    walk = WalkForward(train=WEEK, test=WEEK, gap=np.timedelta64(290 * 365, "D"))
    with pytest.raises(InvalidConfig, match="has nothing to train on"):
        walk.split(starts, starts)


def test_more_refits_than_anybody_makes_are_refused():
    walk = WalkForward(train=WEEK, test=pd.Timedelta("1s"))
    with pytest.raises(InvalidConfig, match="must not refit more than 100000 times, but 864000"):
        walk.windows(days(0, 8, 10))


def test_the_number_of_splits_of_nothing_is_refused():
    with pytest.raises(InvalidConfig, match="but starts is None; pass the decision times"):
        WalkForward(train=WEEK, test=WEEK).get_n_splits()


@pytest.mark.parametrize(
    ("starts", "reason"),
    [
        (days(), "at least one sample"),
        (days(0, 1).reshape(1, 2), r"starts must be a one-dimensional .*\(1, 2\)"),
        (np.array([np.datetime64("NaT", "ns")]), "sample 0 is NaT"),
        (np.array([1, 2], dtype=np.int32), "starts must be .* got int32"),
    ],
)
def test_times_that_are_not_usable_are_refused(starts, reason):
    walk = WalkForward(train=WEEK, test=WEEK)
    with pytest.raises(InvalidConfig, match=reason):
        walk.windows(starts)
    with pytest.raises(InvalidConfig, match=reason):
        walk.split(starts, starts)
