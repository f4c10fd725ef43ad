"""Only what became known since is computed, and nobody can tell from the result."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from revision_logs import DAY, KEYS, SMALL, START, history, log, revised, snapshot

from ordinis_mlflow.errors import InvalidRevisions, TooFewBars
from ordinis_mlflow.store import Files, materialize, read, read_manifest
from ordinis_mlflow.store.compute import feature_rows
from ordinis_mlflow.store.snapshots import read_log
from ordinis_mlflow.store.write import extend, write

pytestmark = pytest.mark.usefixtures("small_parts")
KINDS = ("append", "symbol", "late", "correct", "nothing", "earlier")
FIELDS = ("codes", "times", "known", "values")


@pytest.fixture
def computed(monkeypatch):
    """How many rows of bars every computation was given."""
    module = sys.modules["ordinis_mlflow.store.materialize"]
    counts, original = [], module.feature_rows

    def counted(bars, *arguments, **options):
        counts.append(len(bars))
        return original(bars, *arguments, **options)

    monkeypatch.setattr(module, "feature_rows", counted)
    return counts


@st.composite
def growths(draw):
    """A first log, and what became known at a few later moments."""
    whole = {name: history(name, range(80), draw(st.integers(0, 9))) for name in "ABC"}
    days, holes = draw(st.integers(8, 30)), draw(st.sets(st.integers(2, 7), max_size=2))
    frame = pd.concat(
        [whole[name].iloc[[d for d in range(days) if d not in holes]] for name in "AB"]
    )
    steps = [frame]
    for kind in draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4)):
        days, now = days + 1, START + (days + 2) * DAY + DAY // 2
        names = draw(st.sampled_from([["A"], ["B"], ["A", "B"]]))
        if kind == "append":
            more = draw(st.integers(1, 9))
            added = pd.concat([whole[n].iloc[days : days + more] for n in names])
            days += more
        elif kind == "symbol":
            added = whole["C"].iloc[:days]
        elif kind == "late":
            added = pd.concat([whole[n].iloc[sorted(holes)] for n in names]).assign(known_at=now)
        elif kind == "correct":
            rows = draw(st.sets(st.integers(0, days - 3), min_size=1, max_size=3))
            old = pd.concat(steps)
            some = old[old["symbol"].isin(names)].drop_duplicates(["symbol", "timestamp"])
            rows = [row % len(some) for row in rows]
            added = revised(some, rows, now, draw(st.integers(0, 9)))
        elif kind == "earlier":  # known before what is there: the log grows in the middle
            added = (
                whole["C"].iloc[: max(6, days // 2)].assign(known_at=lambda f: f["known_at"] + 1)
            )
        else:
            added = frame.iloc[:0]
        steps.append(pd.concat([steps[-1], added]).drop_duplicates(KEYS, ignore_index=True))
    return steps


def assert_equal_logs(left, right):
    assert left.symbols == right.symbols
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))


@settings(max_examples=40)
@given(steps=growths(), number=st.integers())
def test_growing_step_by_step_is_computing_at_once(shared_store, fresh_files, steps, number):
    name = f"grown {number}"
    for frame in steps:
        bars = snapshot(shared_store, frame, name)
        made = materialize(shared_store, bars.name, SMALL, leave_out=False)
    rows, _ = feature_rows(log(frame), SMALL)
    assert made == write(fresh_files, replace(made, parts=()), rows)
    assert_equal_logs(read_log(shared_store.files, made), read_log(fresh_files, made))


@pytest.fixture
def small_steps():
    """A log that is grown by a day of both symbols."""
    whole = [history(name, range(60)) for name in "AB"]
    return [pd.concat([each.iloc[:days] for each in whole]) for days in (50, 51)]


@pytest.fixture(scope="module")
def fresh_files(tmp_path_factory):
    """Files of another store, into which nothing was grown."""
    return Files(str(tmp_path_factory.mktemp("fresh")))


def test_only_the_end_of_the_log_is_computed(store, small_steps, computed):
    for frame in small_steps:
        made = materialize(store, snapshot(store, frame).name, SMALL)
    assert computed[0] == 100
    assert computed[1] < 40
    assert made.rows == 2 * (51 - SMALL.lookback + 1)


def test_parts_are_shared_when_a_log_grows(store, small_steps, small_parts):
    bars = [snapshot(store, frame) for frame in small_steps]
    made = [materialize(store, each.name, SMALL) for each in bars]
    for old, new in (bars, made):
        full = old.rows // small_parts
        assert full >= 5
        assert new.parts[:full] == old.parts[:full]
        assert all(part.rows == small_parts for part in new.parts[:-1])
    digests = {part.digest for each in (*bars, *made) for part in each.parts}
    files = {path.stem for path in (store_path(store) / "parts").iterdir()}
    assert files == digests


def store_path(store):
    return Path(store.files.url)


def test_growing_touches_no_old_part(store, small_steps):
    first = snapshot(store, small_steps[0])
    materialize(store, first.name, SMALL)
    stamps = {path: path.stat().st_mtime_ns for path in (store_path(store) / "parts").iterdir()}
    materialize(store, snapshot(store, small_steps[1]).name, SMALL)
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps


def test_a_new_symbol_with_too_few_bars_is_refused_although_the_rest_is_there(store, small_steps):
    materialize(store, snapshot(store, small_steps[0]).name, SMALL)
    young = history("C", range(48, 51))
    bars = snapshot(store, pd.concat([small_steps[1], young]))
    with pytest.raises(TooFewBars, match=r"1 of 3 symbols .*: C;"):
        materialize(store, bars.name, SMALL)


def test_what_was_left_out_is_computed_once_it_has_enough_bars(store):
    both = [history("A", range(20)), history("B", range(9))]
    young = snapshot(store, pd.concat([both[0].iloc[:15], both[1].iloc[:3]]))
    assert materialize(store, young.name, SMALL, leave_out=True).left_out == ("B",)
    grown = materialize(store, snapshot(store, pd.concat(both)).name, SMALL)
    assert grown.left_out == ()
    assert read(store.files, grown.name).symbols == ("A", "B")


def test_features_grow_although_the_earlier_bars_were_removed(store, small_steps):
    old = snapshot(store, small_steps[0])
    materialize(store, old.name, SMALL)
    (store_path(store) / f"snapshots/{old.name}.json").unlink()
    made = materialize(store, snapshot(store, small_steps[1]).name, SMALL)
    assert len(read(store.files, made.name)) == 2 * (51 - SMALL.lookback + 1)


def test_features_grow_although_a_part_of_the_earlier_ones_was_removed(store, small_steps):
    old = materialize(store, snapshot(store, small_steps[0]).name, SMALL)
    (store_path(store) / old.parts[0].file).unlink()
    made = materialize(store, snapshot(store, small_steps[1]).name, SMALL)
    assert made.parts[0] == old.parts[0]
    assert len(read(store.files, old.name)) == 2 * (50 - SMALL.lookback + 1)


def test_extending_with_another_value_of_a_known_row_is_refused(store):
    frame = history("A", range(40))
    parent = snapshot(store, frame)
    other = log(frame.iloc[[37]].assign(volume=1.0))
    with pytest.raises(InvalidRevisions, match="two values known at"):
        extend(store.files, parent, read_manifest(store.files, parent.name), other)
