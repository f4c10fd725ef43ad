from dataclasses import replace

import numpy as np
import pytest
from drift_tables import NAMES, table

from ordinis_mlflow.drift import DriftReference
from ordinis_mlflow.errors import InvalidConfig, InvalidDriftReference


@pytest.fixture(scope="module")
def reference():
    return DriftReference.fit(table(600), NAMES, window=50)


def verdict(check, column):
    (found,) = [each for each in check.verdicts if each.name == f"drift_{column}"]
    return found


def same(found, expected):
    """Verdicts equal but for rounding: sums are taken in another order beside other columns."""
    for figure in ("observed", "limit"):
        figures = [getattr(each, figure) for each in expected]
        assert [getattr(each, figure) for each in found] == pytest.approx(figures, rel=1e-12)
    words = [(each.name, each.passed, each.reason) for each in found]
    assert words == [(each.name, each.passed, each.reason) for each in expected]


def assert_unjudged(check, column, *words):
    """It has not passed, says why, and is no drift of the market."""
    found = verdict(check, column)
    assert not found.passed
    assert np.isnan(found.observed)
    assert column in check.unjudged
    assert column not in check.drifted
    assert not check.judged
    for word in ("not judged", *words):
        assert word in found.reason


def test_more_of_the_same_passes(reference):
    check = reference.check(table(80, seed=1), NAMES)
    assert [each.name for each in check.verdicts] == [f"drift_{name}" for name in NAMES]
    assert all(each.passed and each.observed <= each.limit for each in check.verdicts)
    assert not check.alarm
    assert check.judged
    assert check.drifted == check.unjudged == ()


@pytest.mark.parametrize("column", NAMES[:3])
def test_another_scale_drifts_and_names_the_column(reference, column):
    now, at = table(60, seed=1), NAMES.index(column)
    centre = np.median(table(600)[:, at])
    now[:, at] = centre + 4.0 * (now[:, at] - centre)
    check = reference.check(now, NAMES)
    found = verdict(check, column)
    assert check.alarm
    assert check.drifted == (column,)
    assert not found.passed
    assert found.observed > found.limit
    assert "further from the reference" in found.reason


def test_only_the_latest_window_is_read(reference):
    now = table(60, seed=1)
    alone = reference.check(now[-50:], NAMES)
    now[:10] = np.nan
    assert reference.check(now, NAMES) == alone


def test_the_order_of_columns_does_not_matter(reference):
    now, order = table(50, seed=1), [3, 1, 0, 2]
    names = [NAMES[at] for at in order]
    same(reference.check(now[:, order], names).verdicts, reference.check(now, NAMES).verdicts)


def test_a_missing_column_has_not_passed_and_the_others_are_judged(reference):
    now = table(50, seed=1)
    check = reference.check(now[:, 1:], NAMES[1:])
    assert_unjudged(check, "tails", "no such column")
    assert check.unjudged == ("tails",)
    same(check.verdicts[1:], reference.check(now, NAMES).verdicts[1:])


def test_a_new_column_is_said_to_be_new(reference):
    now = table(50, seed=1)
    check = reference.check(np.column_stack([now, now[:, 0]]), (*NAMES, "signal"))
    assert_unjudged(check, "signal", "the reference has no such column")
    assert np.isnan(verdict(check, "signal").limit)
    same(check.verdicts[:-1], reference.check(now, NAMES).verdicts)


@pytest.mark.parametrize("nothing", [np.nan, np.inf, -np.inf])
def test_a_column_without_any_value_has_not_passed(reference, nothing):
    now = table(50, seed=1)
    now[:, 2] = nothing
    check = reference.check(now, NAMES)
    assert_unjudged(check, "steady", "none of the latest 50 rows")
    assert check.unjudged == ("steady",)


def test_a_few_missing_values_are_left_out_and_counted(reference):
    now = table(50, seed=1)
    now[[3, 20, 41], 2] = np.nan, np.inf, np.nan
    found = verdict(reference.check(now, NAMES), "steady")
    whole = np.delete(now, [3, 20, 41], axis=0)
    alone = replace(reference, window=47).check(whole, NAMES)
    assert found.passed
    assert found.observed == pytest.approx(verdict(alone, "steady").observed, rel=1e-12)
    assert "3 of them hold no finite value" in found.reason


def test_one_in_ten_may_be_missing_and_no_more(reference):
    now = table(50, seed=1)
    now[:5, 2] = np.nan
    assert verdict(reference.check(now, NAMES), "steady").passed
    now[:6, 2] = np.nan
    assert_unjudged(reference.check(now, NAMES), "steady", "6 of the latest 50 rows")


@pytest.mark.parametrize("rows", [0, 1, 49])
def test_too_few_rows_judge_nothing(reference, rows):
    check = reference.check(table(rows, seed=1), NAMES)
    for name in NAMES:
        assert_unjudged(check, name, f"{rows} of the 50 rows")
    assert not check.alarm


def test_no_columns_at_all_are_all_missing(reference):
    check = reference.check(np.empty((50, 0)), ())
    assert check.unjudged == NAMES


def test_a_source_that_stands_still_is_not_judged(reference):
    now = table(50, seed=1)
    now[:, 0] = np.median(table(600)[:, 0])
    assert_unjudged(reference.check(now, NAMES), "tails", "stands still")


def test_a_column_that_stood_still_in_the_reference_may_do_so():
    past = table(600)
    past[100:200, 3] = 1.0
    reference = DriftReference.fit(past, NAMES, window=50)
    now = table(50, seed=1)
    now[:, 3] = 1.0
    assert reference.check(now, NAMES).judged


def test_of_a_constant_any_other_value_is_drift():
    past = table(600)
    past[:, 3] = 7.0
    reference = DriftReference.fit(past, NAMES, window=50)
    now = table(50, seed=1)
    now[:, 3] = 7.0
    same = verdict(reference.check(now, NAMES), "counts")
    assert same.passed
    assert (same.observed, same.limit) == (0.0, 0.0)
    now[31, 3] = np.nextafter(7.0, 8.0)
    check = reference.check(now, NAMES)
    assert check.drifted == ("counts",)
    assert "holds only 7" in verdict(check, "counts").reason
    now[:, 3] = 8.0
    assert reference.check(now, NAMES).drifted == ("counts",)


def test_a_constant_takes_nothing_from_the_alarms_of_the_others():
    past = table(600)
    with_one = np.column_stack([past, np.ones(600)])
    limits = DriftReference.fit(past, NAMES).limits
    assert DriftReference.fit(with_one, (*NAMES, "one")).limits.tolist() == [*limits, 0.0]
    assert DriftReference.fit(np.ones((600, 1)), ["one"]).limits.tolist() == [0.0]


def test_values_beyond_every_range_are_drift_and_no_error(reference):
    now = table(50, seed=1)
    now[:, 0], now[:, 1] = np.linspace(1e307, 1.7e308, 50), np.linspace(-1e308, -1e300, 50)
    assert reference.check(now, NAMES).drifted == ("tails", "skewed")


@pytest.mark.parametrize(
    ("setting", "value", "word"),
    [
        ("window", 1, "window"),
        ("alpha", 0.0, "alpha"),
        ("alpha", 1.0, "alpha"),
        ("alpha", float("nan"), "alpha"),
        ("stride", 0, "stride"),
        ("embargo", -1, "embargo"),
        ("least_windows", 3, "least_windows"),
    ],
)
def test_settings_outside_their_range_are_refused(setting, value, word):
    with pytest.raises(InvalidConfig, match=f"{word} must be"):
        DriftReference.fit(table(600), NAMES, **{setting: value})


def test_eight_windows_are_needed_unless_told_otherwise():
    with pytest.raises(InvalidDriftReference, match="480 in all, got 479"):
        DriftReference.fit(table(479), NAMES)
    assert DriftReference.fit(table(480), NAMES).window == 60
    with pytest.raises(InvalidDriftReference, match="240 in all, got 239"):
        DriftReference.fit(table(239), NAMES, least_windows=4)
    assert DriftReference.fit(table(240), NAMES, least_windows=4).window == 60


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_reference_with_holes_is_refused(bad):
    past = table(600)
    past[17, 2] = bad
    with pytest.raises(InvalidDriftReference, match="row 17 of column 2"):
        DriftReference.fit(past, NAMES)


def test_an_embargo_that_leaves_nothing_to_compare_with_is_refused():
    with pytest.raises(InvalidDriftReference, match="embargo of 250"):
        DriftReference.fit(table(600), NAMES, embargo=250)


def test_a_reference_beyond_the_range_of_its_own_deviation_is_refused():
    past = table(600) * np.array([1e308, 1.0, 1.0, 1.0])
    past[:, 0] = np.where(np.arange(600) % 2, 1.5e308, -1.5e308)
    with pytest.raises(InvalidDriftReference, match="finite"):
        DriftReference.fit(past, NAMES)


@pytest.mark.parametrize("names", [NAMES[:3], ("a", "b", "c", "a")])
def test_a_name_a_column_is_needed(reference, names):
    with pytest.raises(InvalidConfig):
        DriftReference.fit(table(600), names)
    with pytest.raises(InvalidConfig):
        reference.check(table(60), names)


def test_a_table_of_words_is_refused(reference):
    with pytest.raises(InvalidConfig, match="tables of numbers"):
        reference.check(np.full((60, 4), "x"), NAMES)
