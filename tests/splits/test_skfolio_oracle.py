"""Against skfolio's splitters, where labels are as long and rows as regular as they take them."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from panels import DAY, days

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.splits import CombinatorialPurgedKFold, WalkForward

with warnings.catch_warnings():
    # Not of our doing: its solvers and figures may warn when they are imported.
    warnings.simplefilter("ignore")
    from skfolio.model_selection import CombinatorialPurgedCV
    from skfolio.model_selection import WalkForward as RowWalkForward

# One row a day, and labels of p days. Then `purged_size=p` is our label: of p rows before a test
# block the label reaches into it, and for p rows after it the block's last label is not yet known.
# `embargo_size` is our embargo, in days: both stand after the purge and add to it.


def rows(n):
    return np.zeros((n, 1))


@st.composite
def foldings(draw):
    """Rows of a fold, folds, tested folds, purge and embargo: fewer than a fold's rows less one.

    The rows that are left over go to the last fold there and one to each of the first here:
    compared is what divides evenly.
    """
    folds = draw(st.integers(3, 7))
    size = draw(st.integers(3, 15))
    purge = draw(st.integers(0, size - 2))
    embargo = draw(st.integers(0, size - 2 - purge))
    return size, folds, draw(st.integers(2, folds - 1)), purge, embargo


@given(foldings())
def test_combinatorial_folds(folding):
    size, folds, tested, purge, embargo = folding
    assume(2 * purge + embargo < size)  # else a fold between two tested ones is purged away
    theirs = CombinatorialPurgedCV(folds, tested, purged_size=purge, embargo_size=embargo)
    ours = CombinatorialPurgedKFold(folds, tested, embargo=embargo * DAY)
    starts = days(*range(size * folds))
    pairs = list(ours.split(starts, starts + purge * DAY))
    expected = list(theirs.split(rows(len(starts))))
    assert len(pairs) == len(expected) == theirs.get_n_splits() == ours.get_n_splits()
    for (train, test), (their_train, their_tests) in zip(pairs, expected, strict=True):
        assert train.tolist() == their_train.tolist()
        assert test.tolist() == np.concatenate(their_tests).tolist()


@given(st.integers(3, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(2, n - 1))))
def test_combinatorial_paths(sizes):
    theirs, ours = CombinatorialPurgedCV(*sizes), CombinatorialPurgedKFold(*sizes)
    assert ours.n_paths == theirs.n_test_paths
    assert ours.paths().T.tolist() == theirs.recombined_paths.tolist()  # theirs: block by path


@given(
    st.integers(5, 120),
    st.integers(1, 40),
    st.integers(1, 30),
    st.integers(0, 9),
    st.integers(0, 3),
    st.booleans(),
)
def test_walk_forward_by_rows(n, train, test, label, gap, expanding):
    # It moves the training window back by the purge where we cut the window's end, so that ours
    # must be longer by as much; what is purged is the label and, by choice, a gap.
    purge = label + gap
    theirs = RowWalkForward(
        test_size=test,
        train_size=train,
        purged_size=purge,
        expand_train=expanding,
        reduce_test=True,
    )
    window = pd.Timedelta(days=train + purge)
    ours = WalkForward(window, pd.Timedelta(days=test), expanding=expanding, gap=gap * DAY)
    starts = days(*range(n))
    ends = starts + label * DAY
    if train + purge >= n:
        with pytest.raises(ValueError, match="the number of observations"):
            list(theirs.split(rows(n)))
        with pytest.raises(InvalidConfig, match="no date comes after the first training window"):
            ours.split(starts, ends)
        return
    assert as_lists(ours.split(starts, ends)) == as_lists(theirs.split(rows(n)))
    assert ours.get_n_splits(starts, ends) == theirs.get_n_splits(rows(n))


@given(
    st.integers(200, 500),
    st.integers(1, 6),
    st.integers(1, 4),
    st.integers(0, 20),
    st.booleans(),
)
def test_walk_forward_by_months(n, train, test, purge, expanding):
    # With an offset for the training window both cut the purge from the window's end.
    theirs = RowWalkForward(
        test_size=test,
        train_size=pd.DateOffset(months=train),
        freq="MS",
        purged_size=purge,
        expand_train=expanding,
        reduce_test=True,
    )
    ours = WalkForward(pd.DateOffset(months=train), pd.DateOffset(months=test), expanding=expanding)
    starts = days(*range(n))
    table = pd.DataFrame(rows(n), index=pd.DatetimeIndex(starts))
    assert as_lists(ours.split(starts, starts + purge * DAY)) == as_lists(theirs.split(table))


@pytest.mark.parametrize("purge", [0, 1, 5, 20])
def test_the_purge_of_an_offset_window_stands_between_training_and_test(purge):
    # An earlier skfolio (neither 1.0.5 nor 1.12) cut it from the end of the test part if
    # `train_size` was an offset, so that training still touched the test part, whose last dates
    # were never tested.
    starts = days(*range(182))  # January to June
    walk = WalkForward(pd.DateOffset(months=2), pd.DateOffset(months=1))
    pairs = as_lists(walk.split(starts, starts + purge * DAY))
    assert [(test[0], test[-1]) for _, test in pairs] == [
        (60, 90),
        (91, 120),
        (121, 151),
        (152, 181),
    ]
    for train, test in pairs:
        assert test[0] - train[-1] == purge + 1


def as_lists(pairs):
    return [(train.tolist(), test.tolist()) for train, test in pairs]
