"""Predictions beside their outcomes: each bar once, and nothing before its label has ended."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordinis_mlflow.bars import COLUMNS, Bars
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.features import UNIT, FeatureSet, probe_bars
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.prepare import features_of, labelled
from ordinis_mlflow.realised import mature
from ordinis_mlflow.scoring.forecast import log_score_nats

HORIZON, NU, BARS = 3, 6, 160
FORECAST = Forecast(HORIZON, NU, 0.0)
TIMES = pd.date_range("2021-01-01", periods=BARS, freq="D", tz="UTC")
FITTED = TIMES[100].tz_localize(None).to_datetime64()
LAST = TIMES[-1].value


@pytest.fixture(scope="module")
def frame():
    parts = np.split(probe_bars(2 * BARS), 2)
    return pd.concat(
        pd.DataFrame(part, columns=list(COLUMNS)).assign(symbol=symbol, timestamp=TIMES)
        for symbol, part in zip(("AAA", "BBB"), parts, strict=True)
    ).reset_index(drop=True)


@pytest.fixture(scope="module")
def happened(frame):
    bars, units = Bars.from_frame(frame), FeatureSet("units", 1, (UNIT,))
    return labelled(bars, features_of(bars, units), units, FORECAST, UNIT.name, steps=1)


@pytest.fixture(scope="module")
def said():
    """A prediction a bar and symbol, told apart by its mean."""
    rows = [(symbol, time) for time in TIMES for symbol in ("AAA", "BBB")]
    made = pd.DataFrame(rows, columns=["symbol", "bar_time"])
    made["mean"] = np.arange(len(made)) * 1e-6
    return made.assign(scale=0.02, prediction_id=[f"r/{n}" for n in range(len(made))])


def test_outcomes_are_those_of_the_bars(said, happened, frame):
    found = mature(said, happened, FORECAST, FITTED, LAST)
    closes = frame.set_index(["symbol", "timestamp"])["close"]
    by_id = said.set_index("prediction_id")
    assert len(found) == 2 * (BARS - 101 - HORIZON)
    for name, time, end, mean, real in zip(
        found.ids, found.times, found.ends, found.mean, found.realised, strict=True
    ):
        row, at = by_id.loc[name], pd.Timestamp(time, tz="UTC")
        assert row["bar_time"] == at
        assert end == (at + pd.Timedelta(days=HORIZON)).value
        later = closes[row["symbol"], at + pd.Timedelta(days=HORIZON)]
        outcome = np.log(later / closes[row["symbol"], at])
        unit = row["mean"] / mean
        assert real == pytest.approx(outcome / unit, rel=1e-9)


def test_the_naive_baseline_is_the_volatility_times_a_fitted_multiple(said, happened):
    found = mature(said, happened, FORECAST, FITTED, LAST)
    at = happened.ready[happened.ends[happened.ready] <= FITTED]
    multiples = np.geomspace(0.2, 5, 4000)
    zeros = np.zeros(len(at))
    totals = [
        log_score_nats(happened.labels[at], zeros, np.full(len(at), m), NU).sum() for m in multiples
    ]
    best = multiples[int(np.argmax(totals))]
    unit = (np.array([float(each[2:]) for each in found.ids]) * 1e-6) / found.mean
    mine = log_score_nats(found.realised * unit, found.mean * unit, np.full(len(unit), 0.02), NU)
    naive = log_score_nats(found.realised * unit, np.zeros(len(unit)), best * unit, NU)
    np.testing.assert_allclose(found.skill, mine - naive, atol=2e-3)


@settings(max_examples=30)
@given(st.integers(0, BARS - 1))
def test_nothing_is_known_before_its_label_has_ended(said, happened, bar):
    found = mature(said, happened, FORECAST, FITTED, TIMES[bar].value)
    assert len(found) == 2 * max(0, bar - 100 - HORIZON)
    assert (found.ends <= TIMES[bar].value).all()


@settings(max_examples=30)
@given(st.lists(st.integers(0, 2 * BARS - 1), max_size=30))
def test_the_first_answer_about_a_bar_counts_and_once(said, happened, again):
    later = said.iloc[again].assign(mean=1.0, prediction_id="later")
    once = mature(said, happened, FORECAST, FITTED, LAST)
    twice = mature(pd.concat([said, later]), happened, FORECAST, FITTED, LAST)
    np.testing.assert_array_equal(once.ids, twice.ids)
    np.testing.assert_array_equal(once.mean, twice.mean)


def test_predictions_without_their_bar_or_its_price_are_left_out(said, happened):
    odd = said.copy()
    odd.loc[odd.index % 3 == 0, "symbol"] = None
    odd.loc[odd.index % 3 == 1, "bar_time"] = pd.NaT
    odd.loc[odd.index % 6 == 2, "symbol"] = "UNHEARD"
    found = mature(odd, happened, FORECAST, FITTED, LAST)
    assert {int(each[2:]) % 6 for each in found.ids} == {5}


def test_without_bars_from_before_there_is_no_baseline(said, happened):
    early = np.datetime64("2021-02-10", "ns")
    found = mature(said, happened, FORECAST, early, LAST)
    assert len(found) > 0
    assert len(found.skill) == 0
    assert len(found.latest(5).skill) == 0


def test_the_newest_dates(said, happened):
    found = mature(said, happened, FORECAST, FITTED, LAST)
    newest = found.latest(7)
    assert len(newest) == 14
    np.testing.assert_array_equal(newest.dates, found.dates[-7:])
    np.testing.assert_array_equal(newest.skill, found.skill[-14:])
    assert len(found.latest(10_000)) == len(found)
    nothing = mature(said.iloc[:0], happened, FORECAST, FITTED, LAST)
    assert len(nothing.latest(7)) == len(nothing) == 0


def test_predictions_that_were_never_logged_are_named_by_symbol_and_bar(said, happened):
    found = mature(said.drop(columns="prediction_id"), happened, FORECAST, FITTED, LAST)
    assert found.ids[0] == f"AAA@{TIMES[101].isoformat()}"


def test_a_missing_column_is_refused(said, happened):
    with pytest.raises(InvalidConfig, match="scale"):
        mature(said.drop(columns="scale"), happened, FORECAST, FITTED, LAST)
