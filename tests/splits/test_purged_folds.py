"""Purged folds against a comparison of every pair of labels."""

import doctest
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from panels import DAY, days, panels
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.splits import CombinatorialPurgedKFold, PurgedKFold, _combinatorial, _kfold


@st.composite
def splitters(draw, combinatorial):
    embargo = draw(st.integers(0, 5)) * DAY
    folds = draw(st.integers(2, 7))
    if not draw(combinatorial):
        return PurgedKFold(folds, embargo)
    return CombinatorialPurgedKFold(folds, draw(st.integers(1, folds - 1)), embargo)


@st.composite
def cases(draw, combinatorial=st.booleans()):  # noqa: B008  (a strategy is a constant)
    """A splitter, a panel and its folds, where there are any."""
    splitter = draw(splitters(combinatorial))
    starts, ends = draw(panels())
    try:
        return splitter, starts, ends, list(splitter.split(starts, ends))
    except InvalidConfig:
        assume(False)


def runs(starts, test):
    """The test samples in runs of dates between which no other date lies."""
    dates = np.unique(starts)
    tested = np.unique(starts[test])
    places = np.searchsorted(dates, tested)
    for run in np.split(tested, np.flatnonzero(np.diff(places) > 1) + 1):
        yield test[np.isin(starts[test], run)]


def may_train(sample, starts, ends, test, embargo):
    """By the definition: no pair of labels that meet, and no start soon after a run's last end."""
    if sample in set(test):
        return False
    meets = (starts[test] <= ends[sample]) & (starts[sample] <= ends[test])
    if meets.any():
        return False
    for run in runs(starts, test):
        last = ends[run].max()
        if starts[run].min() <= starts[sample] <= last + embargo:
            return False
    return True


@pytest.mark.parametrize("module", [_kfold, _combinatorial])
def test_docstring_example_prints_what_it_says(module):
    result = doctest.testmod(module)
    assert result.attempted >= 3
    assert result.failed == 0


@given(cases())
def test_a_sample_trains_exactly_if_it_may(case):
    splitter, starts, ends, folds = case
    everyone = range(len(starts))
    for train, test in folds:
        allowed = [i for i in everyone if may_train(i, starts, ends, test, splitter.embargo)]
        assert train.tolist() == allowed


@given(cases())
def test_no_label_that_trains_meets_one_that_is_tested(case):
    _, starts, ends, folds = case
    for train, test in folds:
        meets = (starts[train][:, None] <= ends[test]) & (starts[test] <= ends[train][:, None])
        assert not meets.any()


@given(cases())
def test_every_sample_is_tested_as_often_as_promised(case):
    splitter, starts, _, folds = case
    assert len(folds) == splitter.get_n_splits() == splitter.get_n_splits(starts, starts)
    times = 1 if isinstance(splitter, PurgedKFold) else splitter.n_paths
    assert (np.bincount(np.concatenate([test for _, test in folds])) == times).all()
    for train, test in folds:
        assert not set(starts[train]) & set(starts[test])  # a test date is one for all symbols
        assert (np.diff(train) > 0).all()
        assert (np.diff(test) > 0).all()


@given(cases())
def test_embargo_adds_to_purge(case):
    splitter, starts, ends, folds = case
    purged = replace(splitter, embargo=0 * DAY).split(starts, ends)
    for (train, test), (before, _) in zip(folds, purged, strict=True):
        since = np.stack([starts[before] - ends[run].max() for run in runs(starts, test)])
        waits = ((since > 0 * DAY) & (since <= splitter.embargo)).any(axis=0)
        assert train.tolist() == before[~waits].tolist()


@given(cases(), st.randoms(use_true_random=False))
def test_permuting_rows_permutes_the_answer(case, random):
    splitter, starts, ends, folds = case
    order = list(range(len(starts)))
    random.shuffle(order)
    order = np.array(order)
    for got, expected in zip(splitter.split(starts[order], ends[order]), folds, strict=True):
        for part, whole in zip(got, expected, strict=True):
            assert sorted(order[part]) == whole.tolist()


@given(cases(combinatorial=st.just(True)))
def test_reconstructed_paths_take_each_sample_from_splits_that_test_it(case):
    splitter, starts, ends, folds = case
    predictions = np.full((len(folds), len(starts)), -1)
    for number, (_, test) in enumerate(folds):
        predictions[number, test] = number
    paths = splitter.reconstruct(predictions, starts, ends)
    assert paths.shape == (splitter.n_paths, len(starts))
    for i, splits in enumerate(paths.T):  # each split that tests a sample, once
        assert splits.tolist() == [n for n, (_, test) in enumerate(folds) if i in test]


@given(st.integers(2, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n - 1))))
def test_paths_use_every_test_block_of_every_split_once(sizes):
    splitter = CombinatorialPurgedKFold(*sizes)
    paths = splitter.paths()
    assert paths.shape == (splitter.n_paths, splitter.n_folds)
    n = splitter.n_folds
    starts = days(*range(0, 10 * n, 10))
    tested = [set(test) for _, test in splitter.split(starts, starts)]
    used = [(split, fold) for path in paths for fold, split in enumerate(path)]
    assert all(fold in tested[split] for split, fold in used)
    assert len(set(used)) == len(used) == splitter.get_n_splits() * splitter.n_test_folds


def test_what_lies_between_two_test_blocks_stays():
    starts = days(*range(30))
    folds = list(CombinatorialPurgedKFold(3, 2).split(starts, starts + DAY))
    train, _ = folds[1]
    assert train.tolist() == list(range(11, 19))


def test_labels_of_any_length_purge_on_both_sides():
    starts, lengths = days(*range(18)), np.zeros(18, dtype=np.int64)
    lengths[1], lengths[10] = 5, 4  # sample 1 is known on day 6, sample 10 on day 14
    folds = list(PurgedKFold(3).split(starts, starts + lengths * DAY))
    assert [train.tolist() for train, _ in folds] == [
        list(range(7, 18)),
        [0, 2, 3, 4, 5, 15, 16, 17],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11],
    ]


def test_a_label_may_be_as_long_as_a_fold():
    starts = days(*range(16))
    folds = list(PurgedKFold(4).split(starts, starts + 4 * DAY))
    assert [train.tolist() for train, _ in folds] == [
        list(range(8, 16)),
        list(range(12, 16)),
        list(range(4)),
        list(range(8)),
    ]


def test_scikit_learn_takes_the_pairs():
    starts = np.repeat(days(*range(30)), 2)
    folds = list(PurgedKFold(3, DAY).split(starts, starts + DAY))
    x, y = np.arange(60.0)[:, None], 2 * np.arange(60.0)
    scores = cross_val_score(LinearRegression(), x, y, cv=folds)
    np.testing.assert_allclose(scores, 1)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: PurgedKFold(1), "n_folds must be a whole number from 2 on, got 1"),
        (lambda: PurgedKFold(2.5), "n_folds must be a whole number from 2 on, got 2.5"),
        (lambda: PurgedKFold(3, 5), r"embargo must be a duration such as .*, got 5"),
        (lambda: PurgedKFold(3, np.timedelta64(5)), "embargo must be a duration"),
        (lambda: PurgedKFold(3, np.timedelta64(1, "M")), "embargo must be a duration"),
        (lambda: PurgedKFold(3, np.timedelta64("NaT", "D")), "embargo must be a duration"),
        (lambda: PurgedKFold(3, pd.NaT), "embargo must be a duration"),
        (lambda: PurgedKFold(3, timedelta(days=-1)), "embargo must be 0 or more"),
        (lambda: PurgedKFold(3, np.timedelta64(10**6, "D")), "embargo must be shorter than 292"),
        (lambda: CombinatorialPurgedKFold(5, 5), "below n_folds, got 5 of 5"),
        (lambda: CombinatorialPurgedKFold(5, 0), "1 or more and below n_folds, got 0 of 5"),
        (lambda: CombinatorialPurgedKFold(5, 2.0), "whole numbers, .* got 2.0 of 5"),
        (lambda: CombinatorialPurgedKFold(20, 10), "are 184756 splits, more than 100000"),
    ],
)
def test_a_splitter_that_cannot_be_is_refused(make, reason):
    with pytest.raises(InvalidConfig, match=reason):
        make()


@pytest.mark.parametrize("make", [PurgedKFold, lambda n: CombinatorialPurgedKFold(n, 1)])
def test_samples_that_cannot_be_split_are_refused_before_the_first_pair(make):
    few, some = days(0, 1, 1), days(*range(6))
    with pytest.raises(InvalidConfig, match="3 folds need as many dates, got 2"):
        make(3).split(few, few)
    long = some + np.array([0, 0, 4, 0, 0, 0]) * DAY
    with pytest.raises(InvalidConfig, match=r"of sample 2 lasts 4 days and .* of 2 folds 3 days"):
        make(2).split(some, long)
    with pytest.raises(InvalidConfig, match="has nothing to train on: all of 6 samples"):
        make(2).split(some, some + 3 * DAY)
    with pytest.raises(InvalidConfig, match="a label must not end before its decision"):
        make(2).split(some, some - DAY)
    with pytest.raises(InvalidConfig, match="ends must have no missing time, but sample 5 is NaT"):
        make(2).split(some, np.append(some[:5], np.datetime64("NaT")))
    with pytest.raises(InvalidConfig, match="starts must lie between the years 1678 and 2262"):
        make(2).split(np.array(["3000-01-01", "2024-01-01"], "datetime64[D]"), days(0, 1))


def test_predictions_of_another_shape_are_refused():
    starts = days(*range(12))
    with pytest.raises(
        InvalidConfig, match=r"one column for each sample, \(3, 12\), got .*\(2, 12"
    ):
        CombinatorialPurgedKFold(3, 2).reconstruct(np.zeros((2, 12)), starts, starts)


def test_an_embargo_of_centuries_does_not_wrap_around():
    starts = days(*range(12))
    folds = PurgedKFold(3, np.timedelta64(290 * 365, "D"))
    with pytest.raises(InvalidConfig, match="fold 0 of 3 has nothing to train on"):
        folds.split(starts, starts)


def test_durations_of_all_kinds_are_one():
    starts = days(*range(12))
    kinds = (2 * DAY, np.timedelta64(48, "h"), timedelta(days=2), pd.Timedelta("2D"))
    folds = [
        [train.tolist() for train, _ in PurgedKFold(3, kind).split(starts, starts)]
        for kind in kinds
    ]
    assert all(one == other for one, other in pairwise(folds))
    assert len({PurgedKFold(3, kind) for kind in kinds}) == 1
    assert PurgedKFold(3, pd.Timedelta(5, "ns")).embargo == np.timedelta64(5, "ns")
