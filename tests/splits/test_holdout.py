"""Holdout: no label crosses a border, and every sample is accounted for."""

import doctest

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from panels import DAY, FIRST, days, panels

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.splits import Holdout, HoldoutSplit, _holdout


def parts_of(split):
    return {
        "train": split.train,
        "validation": split.validation,
        "test": split.test,
        "purged": split.purged,
    }


@st.composite
def holdouts(draw):
    validation = draw(st.floats(0.05, 0.6))
    test = draw(st.floats(0.05, 0.6))
    assume(validation + test < 1)
    return Holdout(validation, test)


@st.composite
def cases(draw):
    """A holdout, a panel and its split, where there is one."""
    holdout = draw(holdouts())
    starts, ends = draw(panels())
    try:
        return holdout, starts, ends, holdout.split(starts, ends)
    except InvalidConfig:
        assume(False)


def test_docstring_example_prints_what_it_says():
    result = doctest.testmod(_holdout)
    assert result.attempted >= 8
    assert result.failed == 0


def test_indices_of_two_symbols_in_mixed_order():
    day = (4, 0, 1, 4, 3, 2, 2, 3, 1, 0)  # each of five days twice
    starts = days(*day)
    split = Holdout(validation=0.4, test=0.2).split(starts, starts + DAY)
    # test: day 4; validation: days 2 and 3, of which 3 ends on 4; train: 0 and 1, 1 ends on 2.
    assert split.test.tolist() == [0, 3]
    assert split.validation.tolist() == [5, 6]
    assert split.train.tolist() == [1, 9]
    assert split.purged.tolist() == [2, 4, 7, 8]
    assert split.validation_start == days(2)[0]
    assert split.test_start == days(4)[0]


def test_label_that_ends_just_before_the_border_stays():
    starts = days(0, 1, 2, 3)
    ends = days(1, 2, 3, 4) - np.timedelta64(1, "ns")
    split = Holdout(0.25, 0.25).split(starts, ends)
    assert [part.tolist() for part in parts_of(split).values()] == [[0, 1], [2], [3], []]


def test_training_label_that_jumps_over_validation_into_test_is_purged():
    split = Holdout(0.25, 0.25).split(days(0, 1, 2, 3), days(9, 1, 2, 3))
    assert split.purged.tolist() == [0]


def test_int64_nanoseconds_and_coarser_units_give_the_same():
    starts, ends = days(*range(20)), days(*range(2, 22))
    expected = Holdout().split(starts, ends)
    for convert in (np.int64, "datetime64[D]", "datetime64[us]"):
        got = Holdout().split(starts.astype(convert), ends.astype(convert))
        assert got.validation_start == expected.validation_start
        for name, part in parts_of(got).items():
            np.testing.assert_array_equal(part, parts_of(expected)[name])


def test_types_of_the_answer():
    split = Holdout().split(days(*range(20)), days(*range(20)))
    assert isinstance(split, HoldoutSplit)
    assert {part.dtype for part in parts_of(split).values()} == {np.dtype(np.int64)}
    assert split.validation_start.dtype == np.dtype("datetime64[ns]")
    assert split.test_start.dtype == np.dtype("datetime64[ns]")


def test_does_not_write_to_its_arguments():
    starts, ends = days(*range(20)), days(*range(20))
    starts.flags.writeable = ends.flags.writeable = False
    Holdout().split(starts, ends)


@given(cases())
def test_no_label_reaches_the_next_part(case):
    _, starts, ends, split = case
    assert (ends[split.train] < split.validation_start).all()
    assert (ends[split.train] < split.test_start).all()
    assert (ends[split.validation] < split.test_start).all()
    assert (starts[split.validation] >= split.validation_start).all()
    assert (starts[split.test] >= split.test_start).all()


@given(cases())
def test_only_samples_that_reach_the_next_part_are_purged(case):
    _, starts, ends, split = case
    before = starts[split.purged] < split.validation_start
    border = np.where(before, split.validation_start, split.test_start)
    assert (starts[split.purged] < split.test_start).all()
    assert (ends[split.purged] >= border).all()


@given(cases())
def test_every_sample_is_in_exactly_one_array_and_arrays_ascend(case):
    _, starts, _, split = case
    together = np.concatenate(list(parts_of(split).values()))
    np.testing.assert_array_equal(np.sort(together), np.arange(starts.size))
    for part in parts_of(split).values():
        assert (np.diff(part) > 0).all()
    assert min(split.train.size, split.validation.size, split.test.size) > 0


@given(cases())
def test_a_date_is_in_one_part_for_all_symbols(case):
    _, starts, _, split = case
    train, validation, test = (
        set(starts[part].tolist()) for part in (split.train, split.validation, split.test)
    )
    assert len(train | validation | test) == len(train) + len(validation) + len(test)


@given(cases())
def test_shares_are_of_the_distinct_dates(case):
    holdout, starts, _, split = case
    dates = np.unique(starts)
    test = dates >= split.test_start
    validation = (dates >= split.validation_start) & ~test
    assert test.sum() == round(holdout.test * dates.size)
    assert validation.sum() == round(holdout.validation * dates.size)
    assert split.test_start in dates
    assert split.validation_start in dates


@given(cases(), st.randoms(use_true_random=False))
def test_permuting_rows_permutes_the_answer(case, random):
    holdout, starts, ends, split = case
    order = list(range(starts.size))
    random.shuffle(order)
    order = np.array(order)
    shuffled = holdout.split(starts[order], ends[order])
    assert shuffled.validation_start == split.validation_start
    assert shuffled.test_start == split.test_start
    for name, part in parts_of(shuffled).items():
        np.testing.assert_array_equal(np.sort(order[part]), parts_of(split)[name])


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["validation", "test"])
def test_share_outside_its_range_is_refused(name, share):
    with pytest.raises(InvalidConfig, match=rf"^{name} must be a share.*got {share!r}"):
        Holdout(**{name: share})


def test_shares_that_leave_nothing_are_refused():
    with pytest.raises(InvalidConfig, match=r"below 1, got 0\.5 \+ 0\.5"):
        Holdout(0.5, 0.5)


def test_label_that_ends_before_its_start_names_the_sample():
    with pytest.raises(InvalidConfig, match=r"sample 2 starts 2024-01-03.* ends 2024-01-02"):
        Holdout().split(days(0, 1, 2, 3), days(0, 1, 1, 3))


def test_too_few_dates_name_the_parts_and_the_counts():
    message = r"validation and test would be empty \(distinct dates: train 2, validation 0, test 0"
    with pytest.raises(InvalidConfig, match=message):
        Holdout().split(days(0, 0, 1), days(0, 0, 1))


def test_no_training_date_is_refused():
    with pytest.raises(InvalidConfig, match=r"train would be empty \(distinct dates: train 0"):
        Holdout(0.45, 0.5).split(days(0, 1, 1), days(0, 1, 1))  # rounds to 1 and 1 of 2


def test_part_that_purging_empties_is_named_with_the_counts():
    starts = days(*range(10))
    message = r"validation would be empty \(samples after 4 .*train 4, validation 0, test 2\)"
    with pytest.raises(InvalidConfig, match=message):
        Holdout(0.2, 0.2).split(starts, starts + 2 * DAY)


@pytest.mark.parametrize(
    ("starts", "ends", "message"),
    [
        (days(), days(), r"at least one sample, got 0 and 0"),
        (days(0, 1), days(0), r"got 2 and 1"),
        (days(0, 1).reshape(1, 2), days(0, 1), r"^starts must be a one-dimensional .*\(1, 2\)"),
        (np.array([0.0, 1.0]), days(0, 1), r"^starts must be .* got float64"),
        (days(0, 1), np.array([np.datetime64("NaT", "ns"), FIRST]), r"^ends .* sample 0 is NaT"),
        (np.array([np.iinfo(np.int64).min, 1]), days(0, 1), r"^starts .* sample 0 is NaT"),
        (np.array(["2024-01-01"]), days(0), r"^starts must be"),
    ],
)
def test_times_that_are_not_usable_are_refused(starts, ends, message):
    with pytest.raises(InvalidConfig, match=message):
        Holdout().split(starts, ends)
