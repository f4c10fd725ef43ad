"""Walk forward: the purge stands before the test part, and no date is forgotten."""

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import assume, given
from hypothesis import strategies as st
from panels import DAY

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.splits import WalkForward

HOUR = np.timedelta64(3_600_000_000_000, "ns")
MONTH = pd.DateOffset(months=1)


def periods(days_at_most, months_at_most):
    clock = st.integers(20, 24 * days_at_most).map(lambda n: pd.Timedelta(hours=n))
    months = st.integers(1, months_at_most)
    calendar = months.map(lambda n: pd.DateOffset(months=n))
    both = st.builds(lambda m, d: pd.DateOffset(months=m, days=d), months, st.integers(1, 9))
    return st.one_of(clock, calendar, both)


def slack(period):
    """By how much a month differs, counted from here or from elsewhere."""
    return pd.Timedelta(days=3 if isinstance(period, pd.DateOffset) else 0)


@st.composite
def histories(draw):
    """Up to three symbols on irregular dates with closures; labels of up to a week."""
    begin = np.datetime64("2023-12-20", "ns") + draw(st.integers(0, 80)) * DAY
    waits = draw(st.lists(st.sampled_from((6, 24, 24, 72, 40 * 24)), min_size=20, max_size=120))
    dates = begin + np.append(0, np.cumsum(waits)) * HOUR
    starts = np.concatenate([dates[draw(st.integers(0, 9)) * (i > 0) :] for i in range(3)])
    labels = draw(st.lists(st.integers(0, 7 * 24), min_size=1, max_size=9))
    order = draw(st.permutations(range(3)))
    starts = np.concatenate([starts[i::3] for i in order])
    return starts, starts + np.resize(labels, len(starts)) * HOUR


@st.composite
def walks(draw):
    return WalkForward(
        train=draw(periods(90, 3)),
        test=draw(periods(30, 2)),
        step=draw(st.none() | periods(30, 2)),
        expanding=draw(st.booleans()),
        gap=draw(st.integers(0, 72)) * HOUR,
    )


@st.composite
def cases(draw):
    """A walk, a history and its pairs with their windows, where there are any."""
    walk = draw(walks())
    starts, ends = draw(histories())
    try:
        pairs = list(walk.split(starts, ends))
    except InvalidConfig:
        assume(False)
    return walk, starts, ends, list(zip(walk.windows(starts), pairs, strict=True))


def training_labels_end_before_the_refit_and_test_begins_with_it(case):
    walk, starts, ends, pairs = case
    for window, (train, test) in pairs:
        assert ends[train].max() + walk.gap < window.refit <= starts[test].min()
        assert starts[train].min() >= window.first
        assert starts[test].max() < window.until
        assert (np.diff(train) > 0).all()
        assert (np.diff(test) > 0).all()


def only_what_the_purge_asks_for_is_left_out(case):
    walk, starts, ends, pairs = case
    for window, (train, test) in pairs:
        before = np.flatnonzero((starts >= window.first) & (starts < window.refit))
        left_out = np.setdiff1d(before, train)
        assert (ends[left_out] + walk.gap >= window.refit).all()
        within = (starts >= window.refit) & (starts < window.until)
        assert test.tolist() == np.flatnonzero(within).tolist()


def windows_have_the_lengths_asked_for(case):
    walk, starts, _, pairs = case
    begin = pd.Timestamp(starts.min())
    for window, _ in pairs:
        first, refit, until = map(pd.Timestamp, (window.first, window.refit, window.until))
        assert abs(refit + walk.test - until) <= slack(walk.test)
        if walk.expanding:
            assert first == begin
        else:
            assert abs(refit - walk.train - first) <= slack(walk.train)


def refits_are_one_step_apart(case):
    walk, starts, _, _ = case
    refits = [window.refit for window in walk.windows(starts)]
    assert refits[0] >= starts.min()
    step = walk.step or walk.test
    if isinstance(step, pd.Timedelta):
        assert not any((np.diff(refits) % step.to_timedelta64()).astype(np.int64))
    assert all(np.diff(refits) > 0 * DAY)


def purge_never_shortens_the_test_part(case):
    walk, starts, _, pairs = case
    unpurged = replace(walk, gap=0 * DAY).split(starts, starts)
    for (_, (train, test)), (more, same) in zip(pairs, unpurged, strict=True):
        assert test.tolist() == same.tolist()
        assert set(train) <= set(more)


def expanding_trains_on_more_and_tests_the_same(case):
    walk, starts, ends, pairs = case
    expanding = replace(walk, expanding=True).split(starts, ends)
    for (_, (train, test)), (more, same) in zip(pairs, expanding, strict=True):
        assert test.tolist() == same.tolist()
        assert set(train) <= set(more)


def the_number_of_splits_needs_starts_alone(case):
    walk, starts, ends, pairs = case
    assert walk.get_n_splits(starts) == walk.get_n_splits(starts, ends) == len(pairs)
    assert walk.get_n_splits(starts.astype(np.int64)) == len(pairs)


def permuting_rows_permutes_the_answer(case, random):
    walk, starts, ends, pairs = case
    order = list(range(len(starts)))
    random.shuffle(order)
    order = np.array(order)
    shuffled = walk.split(starts[order], ends[order])
    for got, (_, expected) in zip(shuffled, pairs, strict=True):
        for part, whole in zip(got, expected, strict=True):
            assert sorted(order[part]) == whole.tolist()


PROPERTIES = (
    training_labels_end_before_the_refit_and_test_begins_with_it,
    only_what_the_purge_asks_for_is_left_out,
    windows_have_the_lengths_asked_for,
    refits_are_one_step_apart,
    purge_never_shortens_the_test_part,
    expanding_trains_on_more_and_tests_the_same,
    the_number_of_splits_needs_starts_alone,
)


@given(cases(), st.randoms(use_true_random=False))
def test_every_property_of_a_walk(case, random):
    """Of one case all: to draw a case takes longer than to look at it."""
    for holds in PROPERTIES:
        holds(case)
    permuting_rows_permutes_the_answer(case, random)


@given(walks(), histories(), st.booleans())
def test_every_date_after_the_first_window_is_tested_once(walk, history, named):
    starts, _ = history
    walk = replace(walk, step=walk.test if named else None)
    assume(pd.Timestamp(starts.min()) + walk.train <= pd.Timestamp(starts.max()))
    windows = walk.windows(starts)
    tested = sum(((w.refit <= starts) & (starts < w.until)).astype(int) for w in windows)
    first = (pd.Timestamp(starts.min()) + walk.train).to_datetime64()
    assert tested.tolist() == (starts >= first).astype(int).tolist()


@given(st.integers(1, 4), st.integers(1, 2), st.booleans(), histories())
def test_a_test_part_of_many_steps_tests_each_date_as_often(times, length, calendar, history):
    starts, _ = history
    unit = {"months": length} if calendar else {"hours": 50 * length}
    step = pd.DateOffset(**unit) if calendar else pd.Timedelta(**unit)
    test = pd.DateOffset(months=times * length) if calendar else step * times
    walk = WalkForward(MONTH, test, step)
    begin = pd.Timestamp(starts.min())
    # From the refit on that is preceded by enough others; months counted from the first date.
    months = 1 + (times - 1) * length * calendar
    since = begin + pd.DateOffset(months=months) + step * ((times - 1) * (not calendar))
    assume(since <= pd.Timestamp(starts.max()))
    windows = walk.windows(starts)
    tested = sum(((w.refit <= starts) & (starts < w.until)).astype(int) for w in windows)
    assert (tested[starts >= since.to_datetime64()] == times).all()
    assert (tested <= times).all()
