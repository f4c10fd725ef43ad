"""Folds know nothing of the test span, nor of each other's labels."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tuning_settings import CONFIG, MEASUREMENT, SPACE

from flows import tuned_folds
from flows.options import TrainOptions
from flows.training import load
from flows.tuned_folds import folds_of, panel_before, untouched_from
from flows.tuned_objective import FoldObjective
from ordinis_mlflow.bars import Bars, SymbolBars
from ordinis_mlflow.errors import InvalidConfig, TooFewBars

EMBARGO = pd.Timedelta("2D")


@pytest.fixture(scope="module")
def training(small_bars_file, tracking_store):
    """Two symbols."""
    return load(TrainOptions(bars=str(small_bars_file), no_trade_band=0.001), CONFIG)


@pytest.fixture(scope="module")
def border(training):
    return untouched_from(training.bars, training.options, CONFIG, SPACE)


def made(training, border, data=None, count=2, embargo=EMBARGO):
    data = training.data if data is None else data
    return folds_of(data, border, training.options, CONFIG, SPACE, count, embargo)


@pytest.fixture(scope="module")
def folds(training, border):
    return made(training, border)


def planted(data, border):
    """Absurd bars and features from the border on."""
    parts = []
    for part in data.bars.series():
        late = part.timestamps.tz_localize(None).to_numpy() >= border
        values = np.where(late[:, None], 1e6 * part.values[:, ::-1].max(), part.values)
        parts.append(SymbolBars(part.symbol, part.timestamps, values))
    late = data.table.times.view("datetime64[ns]") >= border
    features = np.where(late[:, None], -1e9, data.table.values)
    return replace(data, bars=Bars(tuple(parts)), table=replace(data.table, values=features))


@pytest.mark.parametrize("steps", [10, 30, 60])
def test_the_test_span_of_every_trial_begins_at_the_border_or_later(training, border, steps):
    prepared = load(training.options, replace(CONFIG, sequence_length=steps)).prepared
    assert prepared.split.test_start >= border
    if steps == 10:
        assert prepared.split.test_start == border


def test_no_row_and_no_label_reaches_the_test_span(folds, border):
    assert folds.rows.times.max() < border
    assert folds.rows.ends[folds.rows.ready].max() < border


def test_absurd_values_in_the_test_span_change_nothing(training, border, folds):
    others = made(training, border, planted(training.data, border))
    for name in ("features", "labels", "units", "times", "ends", "close", "ready"):
        np.testing.assert_array_equal(getattr(others.rows, name), getattr(folds.rows, name))
    for fold in range(2):
        one, other = (each.samples(fold, 20) for each in (folds, others))
        assert one.scaler == other.scaler
        np.testing.assert_array_equal(one.train.table, other.train.table)
    scored = [
        FoldObjective(each, training.options, CONFIG, 1, MEASUREMENT.named())(
            SPACE.defaults(), lambda *_: False
        )
        for each in (folds, others)
    ]
    assert scored[0] == scored[1]


def test_absurd_values_before_the_test_span_change_a_lot(training, border, folds):
    """The oracle of the test before: what is planted would be seen."""
    earlier = border - np.timedelta64(30, "D")
    others = made(training, border, planted(training.data, earlier))
    assert others.samples(0, 20).scaler != folds.samples(0, 20).scaler


def test_every_decision_is_judged_once_and_by_date(folds):
    tested = np.concatenate([split.test for split in folds.splits])
    assert np.array_equal(np.sort(tested), np.arange(len(folds.rows.ready)))
    times = [folds.rows.times[folds.rows.ready[split.test]] for split in folds.splits]
    assert times[0].max() < times[1].min()


def test_labels_of_a_fold_are_apart_from_what_is_learnt(folds):
    starts, ends = (each[folds.rows.ready] for each in (folds.rows.times, folds.rows.ends))
    for split in folds.splits:
        learnt = np.concatenate([split.train, split.validation])
        first, last = starts[split.test].min(), ends[split.test].max()
        assert ((ends[learnt] < first) | (starts[learnt] > last + EMBARGO)).all()
        assert ends[split.train].max() < starts[split.validation].min()
        assert not set(learnt) & set(split.test)


def test_all_sequences_answer_the_same_questions(folds):
    short, long = folds.samples(0, 10), folds.samples(0, 60)
    np.testing.assert_array_equal(short.test.labels, long.test.labels)
    np.testing.assert_array_equal(short.test.last_rows, long.test.last_rows)


def test_features_of_a_fold_are_computed_once(folds):
    assert folds.samples(1, 20) is folds.samples(1, 20)
    assert folds.samples(1, 20) is not folds.samples(0, 20)


def test_memory_is_bounded(training, border, monkeypatch):
    monkeypatch.setattr(tuned_folds, "CACHE_BYTES", 1)
    few = made(training, border)
    first = few.samples(0, 10)
    assert few.samples(0, 10) is first
    for steps in (20, 30):  # as many as there are folds are kept
        few.samples(0, steps)
    assert few.samples(0, 10) is not first


def test_a_symbol_that_begins_too_late_is_left_out(training, border):
    young = training.data.bars.parts[1].part(slice(250, None))
    bars = Bars((training.data.bars.parts[0], young))
    few = made(training, border, replace(training.data, bars=bars))
    assert set(few.rows.symbols) == {"AAA"}
    with pytest.raises(TooFewBars, match="no symbol has"):
        made(training, border, replace(training.data, bars=Bars((young,))))


def test_too_many_folds_are_refused(training, border):
    with pytest.raises(InvalidConfig, match="20 folds of the rows before"):
        made(training, border, count=20)


def test_a_panel_is_cut_symbol_by_symbol(training, border):
    panel = panel_before(training.data.table, border)
    assert panel.times.max() < border.astype(np.int64)
    for symbol, rows in panel.spans():
        whole = dict(training.data.table.spans())[symbol]
        kept = training.data.table.values[whole][: rows.stop - rows.start]
        np.testing.assert_array_equal(panel.values[rows], kept)
