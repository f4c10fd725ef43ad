"""Attempts are counted from the tracking store: all of them, whatever became of the run."""

import uuid

import mlflow
import numpy as np
import pytest

from ordinis_mlflow.evaluation import TestSpan
from ordinis_mlflow.tracking import count_trials, declare
from ordinis_mlflow.tracking.trials import BARS


def span_of(symbol, first=0, dates=30):
    rng = np.random.default_rng(0)
    returns = 0.01 * rng.normal(size=dates)
    times = np.datetime64("2024-01-01", "ns") + np.arange(first, first + dates) * np.timedelta64(
        1, "D"
    )
    symbols = np.full(dates, symbol)
    return TestSpan(symbols, times, returns, np.full(dates, 0.01), np.expm1(returns), 1, 0.0)


@pytest.fixture
def symbol():
    """Of this test alone: the store is shared."""
    return uuid.uuid4().hex


@pytest.fixture
def attempt(tracking_store):
    def call(span, trial=None, sharpe=None, status="FINISHED"):
        with mlflow.start_run() as run:
            judged = declare(span, trial or run.info.run_id)
            if sharpe is not None:
                mlflow.log_metric("test/sharpe_annual", sharpe)
        mlflow.MlflowClient().set_terminated(run.info.run_id, status)
        return run.info.run_id, judged

    return call


def test_all_that_meet_are_counted(attempt, symbol):
    _, judged = attempt(span_of(symbol), sharpe=0.5)
    attempt(span_of(symbol), sharpe=-0.5)
    attempt(span_of(symbol, first=29))  # one date in common
    attempt(span_of(symbol, first=30))  # none
    attempt(span_of(f"{symbol} of another market"))
    found = count_trials(judged)
    assert found.count == 3
    assert sorted(found.sharpes_annual) == [-0.5, 0.5]


def test_failed_and_deleted_runs_count(attempt, symbol):
    _, judged = attempt(span_of(symbol))
    attempt(span_of(symbol), status="FAILED")
    deleted, _ = attempt(span_of(symbol))
    mlflow.delete_run(deleted)
    assert count_trials(judged).count == 3


def test_runs_of_other_experiments_count(attempt, symbol, monkeypatch):
    one, judged = attempt(span_of(symbol))
    # ``set_experiment`` would name the experiment to every later test and its processes.
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", f"other {symbol}")
    other, _ = attempt(span_of(symbol))
    assert len({mlflow.get_run(run).info.experiment_id for run in (one, other)}) == 2
    assert count_trials(judged).count == 2


def test_one_model_judged_twice_is_one_attempt(attempt, symbol):
    run_id, judged = attempt(span_of(symbol), sharpe=0.5)
    attempt(span_of(symbol), trial=run_id, sharpe=0.5)
    found = count_trials(judged)
    assert found.count == 1
    assert found.sharpes_annual.tolist() == [0.5]


def test_several_symbols_are_one_market_in_any_order(attempt, symbol):
    one, other = f"{symbol}a", f"{symbol}b"
    there, back = (panel_of(names) for names in ((one, other), (other, one)))
    _, judged = attempt(there)
    attempt(back)
    assert count_trials(judged).count == 2


def panel_of(names):
    spans = [span_of(name) for name in names]
    columns = ("symbols", "times", "realised", "units", "next_returns")
    joined = (np.concatenate([getattr(each, name) for each in spans]) for name in columns)
    return TestSpan(*joined, 1, 0.0)


def test_a_tag_without_dates_meets_nothing(attempt, symbol):
    run_id, judged = attempt(span_of(symbol))
    with mlflow.start_run():
        mlflow.set_tag(BARS, judged.bars)
    assert count_trials(judged).count == 1
    assert run_id
