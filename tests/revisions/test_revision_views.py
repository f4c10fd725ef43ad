"""Views as of a moment are what a loop over the log says, however the log was put together."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from revision_logs import DAY, KEYS, START, VALUES, frames, history, log, moments, ordered, table
from revision_logs import view as brute_force

from ordinis_mlflow.bars import COLUMNS
from ordinis_mlflow.errors import InvalidRevisions
from ordinis_mlflow.revisions import LAST, Unordered

COMMON = settings(max_examples=40)


@COMMON
@given(frame=frames())
def test_a_view_is_what_brute_force_says(frame):
    rows = log(frame)
    for moment in moments(frame):
        pd.testing.assert_frame_equal(
            table(rows.as_of(moment)), brute_force(frame, moment), check_exact=True
        )
    pd.testing.assert_frame_equal(table(rows.as_of()), brute_force(frame, LAST), check_exact=True)


@COMMON
@given(frame=frames())
def test_a_log_keeps_every_row_in_the_order_of_knowing(frame):
    rows = log(frame)
    pd.testing.assert_frame_equal(table(rows), ordered(frame), check_exact=True)
    assert list(rows.symbols) == sorted(set(frame["symbol"]))
    names = [rows.symbols[code] for code in rows.codes]
    keys = list(zip(rows.known, names, rows.times, strict=True))
    assert keys == sorted(keys)


@COMMON
@given(frame=frames(), data=st.data())
def test_joined_logs_do_not_depend_on_their_order(frame, data):
    label = st.integers(0, 2)
    labels = data.draw(st.lists(label, min_size=len(frame), max_size=len(frame)))
    parts = [log(part) for _, part in frame.groupby(np.array(labels))]
    whole = log(frame)
    for order in data.draw(st.permutations(parts)), parts[::-1], [log(frame)]:
        joined = order[0].join(*order[1:])
        assert joined.symbols == whole.symbols
        for name in ("codes", "times", "known", "values"):
            np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))


@COMMON
@given(frame=frames())
def test_a_later_row_changes_no_earlier_view(frame):
    known = np.sort(frame["known_at"])[len(frame) // 2]
    early = frame[frame["known_at"] <= known]
    assert table(log(early).as_of(known)).equals(table(log(frame).as_of(known)))


@COMMON
@given(frame=frames(), data=st.data())
def test_some_rows_keep_their_symbols(frame, data):
    rows = log(frame)
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
    some = rows.rows(keep)
    names = np.array(rows.symbols, dtype=object)[rows.codes][keep]
    assert [some.symbols[code] for code in some.codes] == list(names)
    assert list(some.symbols) == sorted(set(names))
    assert len(some) == keep.sum()


def test_a_panel_gives_bars_and_a_table():
    frame = pd.concat([history("B", range(4)), history("A", range(2, 9))])
    panel = log(frame).as_of(START + 4 * DAY)
    assert len(panel) == 6
    assert dict(panel.spans()) == {"A": slice(0, 2), "B": slice(2, 6)}
    assert panel.bars().symbols == ("A", "B")
    times = pd.to_datetime([START + day * DAY for day in (2, 3)], utc=True)
    assert list(panel.bars().parts[0].timestamps) == list(times)
    assert list(panel.frame.columns) == [*KEYS, *VALUES]
    assert list(panel.frame["known_at"][:2]) == list(times + pd.Timedelta(days=1))
    np.testing.assert_array_equal(panel.frame[VALUES].to_numpy(), panel.values)


def test_before_everything_nothing_is_known():
    panel = log(history("A", range(3))).as_of(START)
    assert (len(panel), panel.symbols, list(panel.starts)) == (0, (), [0])


def test_more_symbols_than_two_bytes_hold():
    n = 70_000
    codes, times = np.arange(n, dtype=np.int32), START + np.arange(n)
    names = tuple(f"S{code:05d}" for code in codes)
    rows = Unordered(
        COLUMNS, names[::-1], codes, times[::-1], np.full(n, START + DAY), np.ones((n, 5))
    )
    panel = rows.revisions().as_of()
    assert panel.symbols == names
    np.testing.assert_array_equal(panel.times, times)


def test_more_known_times_than_two_bytes_hold():
    n = 70_000
    times = START + np.arange(n)
    known = START + DAY + np.random.default_rng(0).permutation(n)
    codes = np.zeros(n, dtype=np.int32)
    rows = Unordered(COLUMNS, ("A",), codes, times, known, np.ones((n, 5))).revisions()
    np.testing.assert_array_equal(rows.known, np.sort(known))
    np.testing.assert_array_equal(rows.times, times[np.argsort(known)])


def refused(frame):
    with pytest.raises(InvalidRevisions) as refusal:
        log(frame)
    return str(refusal.value)


def test_a_row_known_before_its_time_is_named():
    frame = pd.concat([history("A", range(5)), history("B", range(5))], ignore_index=True)
    frame.loc[7, "known_at"] = frame.loc[7, "timestamp"] - 1
    assert refused(frame) == (
        "symbol 'B', 2020-01-03T00:00:00.000000000Z: is said to be known at "
        "2020-01-02T23:59:59.999999999Z, before its own time; correct known_at"
    )


def test_a_row_may_be_known_at_its_own_time():
    frame = history("A", range(5), delay=0)
    assert len(log(frame).as_of(START)) == 1


@pytest.mark.parametrize("same", [True, False])
def test_two_values_known_at_once_are_named(same):
    frame = history("A", range(5))
    again = frame.iloc[[3]].assign(close=frame["close"] + (0.0 if same else 1.0))
    assert refused(pd.concat([frame, again])) == (
        "symbol 'A', 2020-01-04T00:00:00.000000000Z: has two values known at "
        "2020-01-05T00:00:00.000000000Z; keep one"
    )
    with pytest.raises(InvalidRevisions, match="two values known at"):
        log(frame).join(log(again))


def test_a_symbol_that_cannot_be_written_is_named():
    names = pd.Series(["\ud800"] * 5, dtype=object)
    said = refused(history("A", range(5)).assign(symbol=names))
    assert said == "symbol '\\ud800' is not Unicode text; correct its name"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named(value):
    frame = history("A", range(5))
    frame.loc[2, "volume"] = value
    assert refused(frame) == "symbol 'A', 2020-01-03T00:00:00.000000000Z: is not finite"
