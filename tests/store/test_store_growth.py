"""Only what became known since is computed, and nobody can tell from the result."""

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from revision_logs import DAY, KEYS, SMALL, START, frames, history, log, revised, snapshot

from ordinis_mlflow.errors import InvalidRevisions, TooFewBars
from ordinis_mlflow.features import FeatureSet
from ordinis_mlflow.features.volatility import high_low_range
from ordinis_mlflow.store import Arrival, Files, ingest, materialize, read, read_manifest
from ordinis_mlflow.store.compute import feature_rows
from ordinis_mlflow.store.snapshots import read_log
from ordinis_mlflow.store.write import extend, write

pytestmark = pytest.mark.usefixtures("small_parts")
KINDS = ("append", "symbol", "late", "correct", "nothing", "earlier")
TINY = FeatureSet("tiny", 1, (high_low_range(),))
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


def between(frame, first, end):
    days = (frame["timestamp"] - START) // DAY
    return frame[(days >= first) & (days < end)]


@st.composite
def growths(draw):
    """A first log, and what became known at a few later moments; B has fewer bars than A."""
    sparse = range(0, 100, draw(st.integers(1, 4)))
    every = {"A": range(100), "B": sparse, "C": range(100)}
    whole = {name: history(name, days, draw(st.integers(0, 9))) for name, days in every.items()}
    end, holes = draw(st.integers(36, 44)), draw(st.sets(st.integers(1, 14), max_size=3))
    in_holes = [START + day * DAY for day in holes]
    frame = pd.concat([between(whole[name], 0, end) for name in "AB"])
    steps = [frame[~frame["timestamp"].isin(in_holes)]]
    for kind in draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=5)):
        end, now = end + 1, START + (end + 2) * DAY + DAY // 2
        names = draw(st.sampled_from([["A"], ["B"], ["A", "B"]]))
        chosen = pd.concat([whole[name] for name in names])
        added = chosen.iloc[:0]
        if kind == "append":
            more = draw(st.integers(1, 9))
            added = between(chosen, end, end + more)
            end += more
        elif kind == "symbol":
            added = between(whole["C"], 0, end)
        elif kind == "late":
            added = chosen[chosen["timestamp"].isin(in_holes)].assign(known_at=now)
        elif kind == "correct":
            rows = draw(st.sets(st.integers(0, 50), min_size=1, max_size=3))
            some = between(chosen, 0, end - 2)
            rows = sorted({row % len(some) for row in rows})
            added = revised(some, rows, now, draw(st.integers(0, 9)))
        elif kind == "earlier":  # known before what is there: the log grows in the middle
            added = between(chosen, 0, end)
        steps.append(pd.concat([steps[-1], added]).drop_duplicates(KEYS, ignore_index=True))
    skipped = draw(st.sets(st.integers(1, 5)))
    return [step for place, step in enumerate(steps, 1) if place not in skipped] or steps


def assert_equal_logs(left, right):
    assert left.symbols == right.symbols
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))


@settings(max_examples=50)
@given(steps=growths(), number=st.integers(), features=st.sampled_from([SMALL, TINY]))
def test_growing_is_computing_at_once(shared_store, fresh_files, steps, number, features):
    name = f"grown {number}"
    for frame in steps:
        bars = snapshot(shared_store, frame, name)
        made = materialize(shared_store, bars.name, features)
    rows, _ = feature_rows(log(frame), features)
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


def assert_as_at_once(store, fresh_files, frame, dataset="bars"):
    made = materialize(store, snapshot(store, frame, dataset).name, SMALL)
    rows, _ = feature_rows(log(frame), SMALL)
    assert made == write(fresh_files, replace(made, parts=()), rows)


NUMBERS = itertools.count()


@settings(max_examples=30)
@given(frame=frames(), data=st.data())
def test_a_data_set_does_not_depend_on_what_came_first(shared_store, frame, data):
    name = f"pieces {next(NUMBERS)}"
    label = st.integers(0, 2)
    labels = data.draw(st.lists(label, min_size=len(frame), max_size=len(frame)))
    for _, part in frame.groupby(np.array(labels)):
        arrival = Arrival("source", log(part), pd.DataFrame())
        done = ingest(shared_store, name, arrival, known_after=DAY)
        assert done.rows == len(part)
    assert done.snapshot == snapshot(shared_store, frame, name).name


def test_corrections_of_two_days_that_come_as_one_growth(store, fresh_files, computed):
    whole = history("A", range(60))
    materialize(store, snapshot(store, whole).name, SMALL)
    now = START + 70 * DAY
    both = [revised(whole, [row], now + wait * DAY, row) for row, wait in ((50, 0), (52, 1))]
    assert_as_at_once(store, fresh_files, pd.concat([whole, *both], ignore_index=True))
    assert computed[1] < len(whole)


def test_many_corrections_of_old_bars_are_no_bars_to_look_back_on(store, fresh_files):
    whole = history("A", range(80))
    now = START + 50 * DAY
    corrected = [revised(whole, [row], now + row, row) for row in range(0, 38, 2)]
    known = pd.concat([whole.iloc[:40], *corrected], ignore_index=True)
    materialize(store, snapshot(store, known).name, SMALL)
    grown = pd.concat([known, whole.iloc[55:57]], ignore_index=True)
    assert_as_at_once(store, fresh_files, grown)


def test_a_log_that_grows_in_its_middle(store, fresh_files):
    whole = history("A", range(40))
    materialize(store, snapshot(store, whole.drop(10)).name, SMALL)
    assert_as_at_once(store, fresh_files, whole)


def test_bars_that_are_no_growth_of_the_earlier_ones(store, fresh_files):
    whole = history("A", range(80))
    other = pd.concat([whole.iloc[:40], revised(whole, [39], START + 45 * DAY)])
    materialize(store, snapshot(store, other).name, SMALL)
    assert_as_at_once(store, fresh_files, whole.iloc[[*range(40), *range(50, 60)]])


def test_symbols_that_were_left_out_are_refused_although_others_grow(store):
    both = [history("A", range(40)), history("B", range(3))]
    young = snapshot(store, pd.concat([both[0].iloc[:30], both[1]]))
    materialize(store, young.name, SMALL, leave_out=True)
    grown = snapshot(store, pd.concat(both))
    with pytest.raises(TooFewBars, match="1 of 2 symbols"):
        materialize(store, grown.name, SMALL)
    assert materialize(store, grown.name, SMALL, leave_out=True).left_out == ("B",)


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


def test_the_earlier_bars_need_not_be_read(store, small_steps, computed):
    old = snapshot(store, small_steps[0])
    materialize(store, old.name, SMALL)
    new = snapshot(store, small_steps[1])
    (part,) = set(old.parts) - set(new.parts)
    (store_path(store) / part.file).unlink()
    materialize(store, new.name, SMALL)
    assert computed[1] < computed[0]


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
