"""When arriving bars became known, beside what is known of them already."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from revision_logs import DAY, START, VALUES, bars, frames, history, log, ordered, revised, table

from ordinis_mlflow.bars import Table
from ordinis_mlflow.errors import InvalidBars, InvalidRevisions
from ordinis_mlflow.revisions import news, revise, stated

COMMON = settings(max_examples=40)
NOW = START + 1000 * DAY


def rows(revisions):
    """symbol, day, known time of each row."""
    frame = table(revisions)
    days = (frame["timestamp"] - START) // DAY
    return list(zip(frame["symbol"], days, frame["known_at"], strict=True))


def test_the_first_bars_are_known_after_their_delay():
    frame = pd.concat([history("B", range(3)), history("A", range(2))])
    added = revise(None, bars(frame), DAY, now=START)
    pd.testing.assert_frame_equal(table(added), ordered(frame), check_exact=True)


def test_bars_that_are_known_add_nothing():
    known = log(history("A", range(9)))
    assert revise(known, bars(history("A", range(9))), DAY, NOW) is None
    assert revise(known, bars(history("A", [2, 5])), DAY, NOW) is None


def test_bars_that_follow_are_known_after_their_delay():
    known = log(history("A", range(5)))
    both = pd.concat([history("A", range(3, 7)), history("B", range(2))])
    assert rows(revise(known, bars(both), DAY, NOW)) == [
        ("A", 5, START + 6 * DAY),
        ("A", 6, START + 7 * DAY),
        ("B", 0, START + 1 * DAY),
        ("B", 1, START + 2 * DAY),
    ]


def test_a_late_bar_is_known_now():
    known = log(history("A", [0, 1, 3, 4]))
    assert rows(revise(known, bars(history("A", range(6))), DAY, NOW)) == [
        ("A", 2, NOW),
        ("A", 5, START + 6 * DAY),
    ]


@pytest.mark.parametrize("day", [0, 2, 4])
def test_a_corrected_bar_is_known_now_and_earlier_views_keep_the_old_value(day):
    old = history("A", range(5))
    new = revised(old, [day], known=NOW)
    known = log(old)
    added = revise(known, bars(new), DAY, NOW)
    assert rows(added) == [("A", day, NOW)]
    both = known.join(added)
    assert table(both.as_of(NOW - 1)).equals(table(known.as_of()))
    np.testing.assert_array_equal(both.as_of(NOW).values[day], new[VALUES].to_numpy()[0])


def test_a_value_that_comes_back_is_a_correction_too():
    old = history("A", range(5))
    known = log(old).join(log(revised(old, [2], known=NOW)))
    added = revise(known, bars(old), DAY, NOW + 5)
    assert rows(added) == [("A", 2, NOW + 5)]
    np.testing.assert_array_equal(known.join(added).as_of().values, old[VALUES].to_numpy())


def test_a_bar_taken_before_its_end_can_be_corrected_before_its_end():
    old = history("A", range(5))
    noon = START + 4 * DAY + DAY // 2
    known = log(old)
    added = revise(known, bars(revised(old, [4], known=0)), DAY, now=noon)
    assert rows(added) == [("A", 4, START + 5 * DAY + 1)]
    assert len(known.join(added).as_of()) == 5


def test_a_correction_counts_although_the_clock_went_back():
    old = history("A", range(5))
    known = log(old).join(log(revised(old, [2], known=NOW, seed=1)))
    second = revised(old, [2], known=0, seed=2)
    both = known.join(revise(known, bars(second), DAY, now=NOW - 7))
    np.testing.assert_array_equal(both.as_of().values[2], second[VALUES].to_numpy()[0])


@COMMON
@given(first=frames(), second=frames(), ahead=st.integers(0, 40))
def test_what_arrived_is_what_the_newest_view_says(first, second, ahead):
    known, arrived = log(first), bars(second)
    now = START + ahead * DAY
    added = revise(known, arrived, DAY, now)
    both = known.join(added) if added else known
    latest = table(both.as_of()).set_index(["symbol", "timestamp"])
    wanted = table(log(second).as_of()).set_index(["symbol", "timestamp"])
    assert latest.loc[wanted.index, VALUES].equals(wanted[VALUES])
    assert revise(both, arrived, DAY, now + DAY) is None
    before = table(known.as_of()).set_index(["symbol", "timestamp"])
    others = before.index.difference(wanted.index)
    assert latest.loc[others].equals(before.loc[others])


@COMMON
@given(first=frames(), second=frames())
def test_no_late_or_corrected_bar_is_known_before_it_arrived(first, second):
    known = log(first)
    added = revise(known, bars(second), DAY, NOW)
    last = table(known).groupby("symbol")["timestamp"].max()
    for _, row in (table(added) if added else pd.DataFrame()).iterrows():
        follows = row["timestamp"] > last.get(row["symbol"], -1)
        assert row["known_at"] == (row["timestamp"] + DAY if follows else NOW)


@COMMON
@given(frame=frames(), data=st.data())
def test_news_are_the_rows_that_are_not_there(frame, data):
    split = st.lists(st.sampled_from("onb"), min_size=len(frame), max_size=len(frame))
    labels = np.array(data.draw(split))
    labels[0] = "b"
    old, new = frame[labels != "n"], frame[labels != "o"]
    found = news(log(old), log(new))
    wanted = ordered(frame[labels == "n"])
    assert (found is None) == wanted.empty
    if found:
        pd.testing.assert_frame_equal(table(found), wanted, check_exact=True)


def test_news_that_contradict_are_kept_and_refused_on_joining():
    frame = history("A", range(5))
    known, other = log(frame), log(frame.assign(close=frame["close"] * 1.0001))
    found = news(known, other)
    assert len(found) == 5
    with pytest.raises(InvalidRevisions, match=r"2020-01-01.* has two values known at .*keep one"):
        known.join(found)


def source(frame, **options):
    """The log as a source would write it."""
    written = frame.assign(
        timestamp=pd.to_datetime(frame["timestamp"], utc=True),
        known_at=pd.to_datetime(frame["known_at"], utc=True),
    )
    return Table(written, **options)


@COMMON
@given(frame=frames())
def test_what_a_source_states_is_kept_row_by_row(frame):
    assert source(frame).states_known
    pd.testing.assert_frame_equal(table(stated(source(frame))), ordered(frame), check_exact=True)


def test_the_symbol_of_a_source_without_one():
    frame = history("A", range(5))
    rows = stated(source(frame.drop(columns="symbol"), symbol="A"))
    assert table(rows).equals(table(log(frame)))


def test_a_source_that_claims_to_know_before_the_time_is_refused():
    frame = history("A", range(5), delay=-1)
    with pytest.raises(InvalidRevisions, match=r"symbol 'A', 2020-01-01.*before its own time"):
        stated(source(frame))


def test_a_source_that_states_two_values_at_once_is_refused():
    frame = history("A", range(5))
    twice = pd.concat([frame, revised(frame, [3], known=int(frame["known_at"][3]))])
    with pytest.raises(InvalidRevisions, match=r"2020-01-04.* has two values known at"):
        stated(source(twice))


def test_a_source_with_a_missing_known_time_is_refused():
    frame = source(history("A", range(5))).frame
    frame.loc[2, "known_at"] = pd.NaT
    with pytest.raises(InvalidBars):
        stated(Table(frame))
