"""The model's numbers and the two baselines', on the same rows."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from ordinis_mlflow.evaluation import evaluate_baselines, evaluate_signal, skill, span_of
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.scoring.skill import newey_west_mean
from ordinis_mlflow.signal import Signal

FORECAST = Forecast(1, 6, 0.02)
NAMES = {
    "log_score_nats", "pit_ks_distance", "rank_ic", "hit_rate_share", "sharpe_annual",
    "sharpe_standard_error_annual", "total_return_share", "max_drawdown_share", "turnover_per_bar",
}  # fmt: skip


@pytest.fixture(scope="module")
def prepared(small_training):
    return small_training.prepared


@pytest.fixture(scope="module")
def span(prepared):
    return span_of(prepared, prepared.split.test, FORECAST, cost_bps=0.0)


def signal_of(location, span, direction=None, strength=None, spread=1.0):
    """A signal whose forecast is ``location`` in units of volatility."""
    n = len(span.realised)
    location = np.broadcast_to(location, n)
    return Signal(
        mean=(location * span.units).astype(np.float32),
        scale=(spread * span.units).astype(np.float32),
        probability_up=np.full(n, 0.5, np.float32),
        direction=np.sign(location).astype(np.int64) if direction is None else direction,
        strength=np.ones(n, np.float32) if strength is None else strength,
    )


def test_span_is_what_happened_next(prepared, span, small_training):
    rows = prepared.rows.ready[prepared.split.test]
    close = prepared.rows.close
    horizon = small_training.forecast.horizon
    np.testing.assert_allclose(
        span.realised, np.log(close[rows + horizon] / close[rows]), atol=1e-12
    )
    np.testing.assert_allclose(span.next_returns, close[rows + 1] / close[rows] - 1, atol=1e-15)
    np.testing.assert_array_equal(span.times, prepared.rows.times[rows])
    assert (prepared.rows.symbols[rows + 1] == span.symbols).all()
    assert (span.times >= prepared.split.test_start).all()


def test_log_score_is_the_density_in_units_of_volatility(span):
    signal = signal_of(0.3, span, spread=0.8)
    judged = evaluate_signal(signal, span)
    z = span.realised / span.units
    mean = signal.mean.astype(float) / span.units
    scale = signal.scale.astype(float) / span.units
    expected = stats.t.logpdf(z, 6, mean, scale)
    np.testing.assert_allclose(judged.log_scores, expected, rtol=1e-9)
    assert judged.metrics["log_score_nats"] == pytest.approx(expected.mean())
    np.testing.assert_allclose(judged.pit, stats.t.cdf(z, 6, mean, scale), atol=1e-12)
    assert judged.name == "model"


def test_metrics_are_finite_and_named(span):
    rng = np.random.default_rng(0)
    judged = evaluate_signal(signal_of(rng.normal(size=len(span.realised)), span), span)
    assert judged.metrics.keys() == NAMES
    assert all(type(value) is float and np.isfinite(value) for value in judged.metrics.values())


def test_knowing_the_future_is_worth_something(span):
    known = span.realised / span.units
    right = evaluate_signal(signal_of(known, span, spread=0.1), span)
    wrong = evaluate_signal(signal_of(-known, span, spread=0.1), span)
    assert right.metrics["hit_rate_share"] == pytest.approx(1.0)
    assert wrong.metrics["hit_rate_share"] == pytest.approx(0.0)
    assert right.metrics["rank_ic"] == pytest.approx(1.0, abs=1e-6)
    assert wrong.metrics["rank_ic"] == pytest.approx(-1.0, abs=1e-6)
    assert right.metrics["sharpe_annual"] > 1 > -1 > wrong.metrics["sharpe_annual"]
    assert right.metrics["max_drawdown_share"] == pytest.approx(0.0)
    assert right.metrics["log_score_nats"] > wrong.metrics["log_score_nats"]


def test_position_is_direction_times_strength(span):
    n = len(span.realised)
    half = signal_of(1.0, span, strength=np.full(n, 0.5, np.float32))
    full = signal_of(1.0, span)
    short = signal_of(1.0, span, direction=np.full(n, -1))
    flat = signal_of(1.0, span, direction=np.zeros(n, np.int64))
    returns = {
        name: evaluate_signal(each, span).returns
        for name, each in {"half": half, "full": full, "short": short, "flat": flat}.items()
    }
    np.testing.assert_allclose(returns["half"], 0.5 * returns["full"], atol=1e-12)
    np.testing.assert_allclose(returns["short"], -returns["full"], atol=1e-12)
    assert (returns["flat"] == 0).all()


def test_portfolio_is_equally_weighted_by_time(span):
    returns = evaluate_signal(signal_of(1.0, span), span).returns
    times = np.unique(span.times)
    assert len(returns) == len(times)
    expected = [span.next_returns[span.times == time].mean() for time in times]
    np.testing.assert_allclose(returns, expected, atol=1e-12)


def test_costs_lower_the_return_of_who_trades(span):
    location = np.where(np.arange(len(span.realised)) % 2, 1.0, -1.0)
    free = evaluate_signal(signal_of(location, span), span)
    dear = evaluate_signal(signal_of(location, span), replace(span, cost_bps=50.0))
    assert dear.returns.sum() < free.returns.sum()
    flat = signal_of(0.0, span)
    assert (evaluate_signal(flat, replace(span, cost_bps=50.0)).returns == 0).all()


def test_zero_mean_baseline_never_trades(prepared, span):
    zero, _ = evaluate_baselines(prepared, span)
    assert zero.name == "zero_mean_volatility"
    assert (zero.returns == 0).all()
    assert zero.metrics["total_return_share"] == 0.0
    assert zero.metrics["turnover_per_bar"] == 0.0
    assert zero.metrics["rank_ic"] == 0.0
    assert all(np.isfinite(value) for value in zero.metrics.values())


def test_buy_and_hold_is_the_market(prepared, span):
    _, hold = evaluate_baselines(prepared, span)
    market = evaluate_signal(signal_of(1.0, span), span)
    assert hold.name == "buy_and_hold"
    np.testing.assert_allclose(hold.returns, market.returns, atol=1e-12)


def test_baselines_are_fitted_by_maximum_likelihood_on_training_labels(prepared, span):
    labels = prepared.rows.labels[prepared.rows.ready[prepared.split.train]]
    _, _, multiple = stats.t.fit(labels, fdf=6, floc=0.0)
    zero, hold = evaluate_baselines(prepared, span)
    z = span.realised / span.units
    np.testing.assert_allclose(zero.log_scores, stats.t.logpdf(z, 6, 0, multiple), atol=1e-3)
    returns = labels * prepared.rows.units[prepared.rows.ready[prepared.split.train]]
    _, _, spread = stats.t.fit(returns, fdf=6, floc=returns.mean())
    expected = stats.t.logpdf(span.realised, 6, returns.mean(), spread) + np.log(span.units)
    np.testing.assert_allclose(hold.log_scores, expected, atol=1e-3)


def test_baselines_do_not_see_later_labels(prepared, span):
    before = evaluate_baselines(prepared, span)
    labels = prepared.rows.labels.copy()
    split = prepared.split
    later = np.concatenate([split.validation, split.test, split.purged])
    labels[prepared.rows.ready[later]] *= 10.0
    changed = replace(prepared, rows=replace(prepared.rows, labels=labels))
    for left, right in zip(before, evaluate_baselines(changed, span), strict=True):
        np.testing.assert_array_equal(left.log_scores, right.log_scores)


def test_skill_is_the_mean_difference_of_scores(prepared, span):
    model = evaluate_signal(signal_of(span.realised / span.units, span, spread=0.2), span)
    zero, hold = evaluate_baselines(prepared, span)
    for baseline in (zero, hold):
        better = skill(model, baseline, horizon=1)
        difference = model.log_scores - baseline.log_scores
        assert better.value == pytest.approx(difference.mean())
        assert better.standard_error == newey_west_mean(difference, 5).standard_error
        assert better.value > 0
    assert skill(zero, zero, horizon=5).value == 0.0
