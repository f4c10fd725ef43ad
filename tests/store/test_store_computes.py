"""Features of late and corrected bars: at any moment what the bars known then would have given."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from revision_logs import (
    DAY,
    SMALL,
    START,
    VALUES,
    feature_view,
    frames,
    history,
    log,
    moments,
    revised,
    snapshot,
    table,
)

from ordinis_mlflow.bars import read_dataset
from ordinis_mlflow.errors import TooFewBars
from ordinis_mlflow.features import TECHNICAL_1
from ordinis_mlflow.store import compute, materialize, read
from ordinis_mlflow.store.compute import feature_rows

pytestmark = pytest.mark.usefixtures("small_parts")
COMMON = settings(max_examples=30)


def assert_views_hold(store, name, frame, features, when):
    for moment in when:
        wanted = feature_view(frame, features, moment)
        if wanted is None:
            with pytest.raises(TooFewBars, match=f"nothing of snapshot {name} was known at"):
                read(store.files, name, as_of=moment)
        else:
            found = table(read(store.files, name, as_of=moment))
            pd.testing.assert_frame_equal(found, wanted, check_exact=True)


@COMMON
@given(frame=frames(), seed=st.integers())
def test_features_are_those_of_the_bars_known_then(shared_store, frame, seed):
    bars = snapshot(shared_store, frame, f"views {seed}")
    made = materialize(shared_store, bars.name, SMALL, leave_out=True)
    assert_views_hold(shared_store, made.name, frame, SMALL, moments(frame))


def test_runs_are_cut_without_a_trace(store, monkeypatch):
    frame = pd.concat([history("A", range(200)), history("B", range(50, 60))])
    frame = pd.concat([frame, revised(frame, [90], START + 300 * DAY)], ignore_index=True)
    for name in ("LONG_RUN", "TOGETHER"):
        for rows in (7, 8, 10_000):
            monkeypatch.setattr(compute, name, rows)
            rows, _ = feature_rows(log(frame), SMALL)
            wanted = feature_view(frame, SMALL, START + 400 * DAY)
            found = table(rows.revisions().as_of())
            pd.testing.assert_frame_equal(found, wanted, check_exact=True)


def test_technical_features_of_a_real_index(store, cut_parts):
    cut_parts(2000)
    day = pd.Timedelta(days=1).value
    real = read_dataset("sp500").frame
    times = real["timestamp"].astype("int64")
    frame = real.assign(timestamp=times, known_at=times + day)
    at = int(times.iloc[3000]) + 400 * day
    corrected = frame.iloc[[3000]].assign(close=frame["low"].iloc[3000], known_at=at)
    frame = pd.concat([frame.drop(2000), frame.iloc[[2000]].assign(known_at=at - day), corrected])
    bars = snapshot(store, frame.reset_index(drop=True), "sp500")
    made = materialize(store, bars.name, TECHNICAL_1)
    chosen = [at - 2 * day, at - day, at, int(frame["known_at"].max())]
    assert_views_hold(store, made.name, frame, TECHNICAL_1, chosen)
    # Only rows that read the late or the corrected bar were revised.
    lookback = TECHNICAL_1.lookback
    assert made.rows == len(real) - lookback + 1 + (lookback - 1) + lookback


def test_a_row_is_known_once_all_its_bars_are(store):
    frame = history("A", range(10))
    frame.loc[3, "known_at"] = START + 30 * DAY
    made = materialize(store, snapshot(store, frame).name, SMALL)
    known = table(read(store.files, made.name))
    days = (known["timestamp"] - START) // DAY
    assert dict(zip(days, (known["known_at"] - START) // DAY, strict=True)) == {
        5: 30,
        6: 30,
        7: 30,
        8: 30,
        9: 10,
    }


def test_a_corrected_bar_revises_the_rows_that_read_it_and_no_others(store):
    frame = history("A", range(20))
    both = pd.concat([frame, revised(frame, [8], START + 30 * DAY)], ignore_index=True)
    made = materialize(store, snapshot(store, both).name, SMALL)
    assert made.rows == (20 - SMALL.lookback + 1) + SMALL.lookback
    late = table(read(store.files, made.name)).query("known_at == @START + 30 * @DAY")
    assert list((late["timestamp"] - START) // DAY) == list(range(8, 8 + SMALL.lookback))


def short_histories():
    few = [history(f"few{number}", range(SMALL.lookback - 1)) for number in range(7)]
    return pd.concat([history("long", range(20)), *few])


def test_symbols_with_too_few_bars_are_refused_by_name(store):
    bars = snapshot(store, short_histories())
    with pytest.raises(TooFewBars) as refusal:
        materialize(store, bars.name, SMALL)
    assert str(refusal.value) == (
        "7 of 8 symbols have fewer than the 6 bars that small@1 looks back: "
        "few0, few1, few2, few3, few4, …; supply longer histories or leave them out"
    )
    assert store.catalogue.made_from(bars.name) == []


def test_symbols_with_too_few_bars_are_left_out_when_asked(store):
    bars = snapshot(store, short_histories())
    made = materialize(store, bars.name, SMALL, leave_out=True)
    assert made.left_out == tuple(f"few{number}" for number in range(7))
    assert read(store.files, made.name).symbols == ("long",)
    assert materialize(store, bars.name, SMALL, leave_out=True) == made
    with pytest.raises(TooFewBars):
        materialize(store, bars.name, SMALL)


def test_when_all_have_too_few_bars_none_can_be_left_out(store):
    bars = snapshot(store, history("A", range(3)))
    with pytest.raises(TooFewBars, match="1 of 1 symbols"):
        materialize(store, bars.name, SMALL, leave_out=True)


def test_corrections_do_not_count_as_bars(store):
    frame = history("A", range(SMALL.lookback - 1))
    known = START + 40 * DAY
    again = [revised(frame, [row], known + row * DAY) for row in range(len(frame))]
    bars = snapshot(store, pd.concat([frame, *again], ignore_index=True))
    with pytest.raises(TooFewBars, match="1 of 1 symbols"):
        materialize(store, bars.name, SMALL)


def test_exactly_the_bars_of_one_row(store):
    frame = history("A", range(SMALL.lookback))
    made = materialize(store, snapshot(store, frame).name, SMALL)
    panel = read(store.files, made.name)
    assert (len(panel), made.left_out) == (1, ())
    assert (panel.values == SMALL.history(frame[VALUES].to_numpy())[-1]).all()
