"""Joining what was published, against a loop that asks who knew what when."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordinis_mlflow.errors import InvalidRevisions
from ordinis_mlflow.revisions import LAST, KnownSeries, join

EVER = LAST // 2
publications = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=25, unique=True
).map(lambda pairs: [(time, time + delay) for time, delay in pairs])


def series(rows):
    """From (time, known, value)."""
    times, known = (np.array([row[i] for row in rows], dtype=np.int64) for i in (0, 1))
    return KnownSeries("cpi", times, known, np.array([row[2] for row in rows], dtype=np.float64))


def in_force(moment, rows, max_age):
    """Brute force: the latest time known by then, and of it the last publication."""
    known = [row for row in rows if row[1] <= moment]
    if not known:
        return np.nan
    time = max(row[0] for row in known)
    _, published, value = max((row for row in known if row[0] == time), key=lambda row: row[1])
    return value if moment - published <= max_age else np.nan


def joined(moments, rows, max_age=EVER):
    return join(np.array(moments, dtype=np.int64), series(rows), max_age).tolist()


@given(
    pairs=publications,
    moments=st.lists(st.integers(-1, 45), max_size=20),
    max_age=st.sampled_from([0, 1, 3, 10, EVER]),
)
def test_it_is_what_a_loop_says(pairs, moments, max_age):
    rows = [(time, known, float(place)) for place, (time, known) in enumerate(pairs)]
    wanted = [in_force(moment, rows, max_age) for moment in moments]
    np.testing.assert_array_equal(joined(moments, rows, max_age), wanted)


def test_a_value_counts_from_its_publication_on_and_not_from_its_time():
    assert joined([9, 10, 11], [(1, 10, 5.0)]) == pytest.approx([np.nan, 5.0, 5.0], nan_ok=True)


def test_a_correction_counts_from_when_it_was_published():
    assert joined([10, 19, 20], [(1, 10, 5.0), (1, 20, 6.0)]) == [5.0, 5.0, 6.0]


def test_a_late_correction_of_an_older_time_changes_nothing():
    rows = [(1, 10, 5.0), (2, 12, 7.0), (1, 15, 6.0)]
    assert joined([10, 12, 15, 99], rows) == [5.0, 7.0, 7.0, 7.0]


def test_age_is_counted_from_publication():
    rows = [(1, 10, 5.0), (1, 13, 6.0)]
    assert joined([12, 13, 15, 16], rows, 2) == pytest.approx([5.0, 6.0, 6.0, np.nan], nan_ok=True)
    assert joined([20], [(1, 10, 5.0), (2, 12, 7.0), (1, 20, 9.0)], 5) == pytest.approx(
        [np.nan], nan_ok=True
    )


def test_an_empty_series_gives_nothing():
    assert np.isnan(joined([1, 2], [])).all()
    assert joined([], [(1, 2, 3.0)]) == []


def refused(*columns):
    with pytest.raises(InvalidRevisions) as refusal:
        KnownSeries("cpi", *(np.array(column) for column in columns))
    return str(refusal.value)


def test_columns_of_different_lengths_are_refused():
    assert "'cpi' has 2 times, 1 known times and 2 values" in refused([1, 2], [3], [1.0, 2.0])


def test_a_value_known_before_its_time_is_refused():
    said = refused([1, 10**18], [1, 10**18 - 1], [1.0, 2.0])
    assert "'cpi': the value of 2001-09-09T01:46:40.000000000 is said to be known before" in said


def test_two_values_published_at_once_are_refused():
    assert "two values for one time that were known at once" in refused([1, 1], [5, 5], [1.0, 2.0])


def published(unit="ns", zone="America/New_York"):
    times = pd.Series(pd.to_datetime(["2020-01-31", "2020-02-29"])).dt.as_unit(unit)
    frame = pd.DataFrame({"timestamp": times, "known_at": times + pd.Timedelta("14D")})
    frame = frame.apply(lambda column: column.dt.tz_localize(zone))
    return frame.assign(cpi=[2.5, 2.3])


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_a_table_of_publications_is_taken_in_utc(unit):
    made = KnownSeries.of(published(unit), "cpi")
    moment = pd.Timestamp("2020-02-14T05:00Z").value
    assert join(np.array([moment - 1, moment]), made, EVER) == pytest.approx(
        [np.nan, 2.5], nan_ok=True
    )


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (published().drop(columns="known_at"), r"\['known_at'\] missing"),
        (published().drop(columns="cpi"), r"\['cpi'\] missing"),
        (published(zone=None), r"\['timestamp', 'known_at'\] without a time zone"),
    ],
)
def test_a_table_that_does_not_say_when_is_refused(frame, said):
    with pytest.raises(InvalidRevisions, match=said):
        KnownSeries.of(frame, "cpi")
