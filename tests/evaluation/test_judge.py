"""One forecaster's numbers, against SciPy and against what must be true."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from spans import FREEDOM, knowing, said, span_of_returns

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.evaluation import TestSpan, judge, span_of
from ordinis_mlflow.scoring import performance

EVERY = {
    "log_score_nats", "crps_units", "pinball_05_units", "pinball_95_units", "qlike", "brier_score",
    "pit_ks_distance", "pit_test_statistic", "pit_test_p_value", "calibration_error_share",
    "ic", "ic_standard_error", "rank_ic", "rank_ic_standard_error",
    "sharpe_annual", "sharpe_standard_error_annual", "total_return_share", "max_drawdown_share",
    "turnover_per_bar", "exposure_share",
}  # fmt: skip
OF_TRADERS = {
    "hit_rate_share", "annual_growth_share", "annual_volatility_share", "sortino_annual", "calmar",
}  # fmt: skip


@pytest.fixture(params=[("AAA",), ("AAA", "BBB", "CCC")], ids=["one symbol", "three symbols"])
def span(request):
    return span_of_returns(symbols=request.param)


def test_span_is_what_happened_next(small_training):
    prepared, horizon = small_training.prepared, small_training.forecast.horizon
    span = span_of(prepared.rows, prepared.split.test, horizon, 0.0)
    rows, close = prepared.rows.ready[prepared.split.test], prepared.rows.close
    np.testing.assert_allclose(
        span.realised, np.log(close[rows + horizon] / close[rows]), atol=1e-12
    )
    np.testing.assert_allclose(span.next_returns, close[rows + 1] / close[rows] - 1, atol=1e-15)
    np.testing.assert_array_equal(span.times, prepared.rows.times[rows])
    assert (prepared.rows.symbols[rows + 1] == span.symbols).all()
    assert (span.times >= prepared.split.test_start).all()


def test_log_score_is_the_density_in_units_of_volatility(span):
    judged = judge(span, said(span, location=0.3))
    z = span.realised / span.units
    expected = stats.t.logpdf(z, FREEDOM, 0.3, 0.8)
    np.testing.assert_allclose(judged.log_scores, expected, rtol=1e-9)
    assert judged.metrics["log_score_nats"] == pytest.approx(expected.mean())
    np.testing.assert_allclose(judged.pit, stats.t.cdf(z, FREEDOM, 0.3, 0.8), atol=1e-12)


def test_metrics_are_finite_and_named(span):
    judged = judge(span, knowing(span, 0.3))
    assert judged.metrics.keys() == EVERY | OF_TRADERS
    assert all(type(value) is float and np.isfinite(value) for value in judged.metrics.values())


def test_who_never_trades_has_no_ratio_of_returns(span):
    judged = judge(span, said(span))
    assert judged.metrics.keys() == EVERY
    assert judged.metrics["sharpe_annual"] == judged.metrics["turnover_per_bar"] == 0.0
    assert judged.metrics["rank_ic"] == 0.0
    assert not judged.trades


def test_knowing_the_future_is_worth_something(span):
    z = span.realised / span.units
    nearly = z + 1e-3 * np.sign(z) * np.random.default_rng(2).random(len(z))
    right, wrong = (
        judge(span, said(span, location=sign * nearly, spread=0.1)) for sign in (1.0, -1.0)
    )
    assert right.metrics["hit_rate_share"] == 1.0
    assert wrong.metrics["hit_rate_share"] == 0.0
    assert right.metrics["rank_ic"] == pytest.approx(1.0, abs=1e-3)
    assert wrong.metrics["ic"] == pytest.approx(-1.0, abs=1e-3)
    assert right.metrics["sharpe_annual"] > 1 > -1 > wrong.metrics["sharpe_annual"]
    assert right.metrics["log_score_nats"] > wrong.metrics["log_score_nats"]
    assert right.metrics["brier_score"] < 0.25 < wrong.metrics["brier_score"]
    assert "calmar" not in right.metrics  # it never lost


def test_true_distribution_scores_best_and_is_calibrated(span):
    true = judge(span, said(span)).metrics
    for spread in (0.4, 1.6):
        other = judge(span, said(span, spread=spread)).metrics
        assert other["log_score_nats"] < true["log_score_nats"]
        assert other["crps_units"] > true["crps_units"]
        assert other["qlike"] > true["qlike"]
        assert other["pit_test_p_value"] < 0.01 < true["pit_test_p_value"]


def test_portfolio_is_equally_weighted_by_time(span):
    returns = judge(span, said(span, position=1.0)).returns
    expected = [span.next_returns[span.times == time].mean() for time in np.unique(span.times)]
    np.testing.assert_allclose(returns, expected, atol=1e-12)


def test_costs_lower_the_return_of_who_trades(span):
    turning = said(span, position=np.where(span.date % 2, 1.0, -1.0))
    free, dear = judge(span, turning), judge(replace(span, cost_bps=50.0), turning)
    assert dear.returns.sum() < free.returns.sum()
    assert dear.metrics["turnover_per_bar"] == pytest.approx(2.0, abs=0.01)
    assert dear.metrics["exposure_share"] == 1.0


def test_order_of_rows_does_not_matter(span):
    model = knowing(span, 0.3)
    order = np.argsort(span.times, kind="stable")
    names = ("symbols", "times", "realised", "units", "next_returns")
    sorted_span = TestSpan(*(getattr(span, name)[order] for name in names), 1, 0.0)
    columns = (getattr(model, name)[order] for name in model.columns())
    other = judge(sorted_span, type(model)("model", *columns))
    for name, value in judge(span, model).metrics.items():
        assert other.metrics[name] == pytest.approx(value, abs=1e-9), name


def test_formulas_of_the_bootstrap_give_the_sample_scores(span):
    """The two ways to a score agree: by its own function, and by means over dates."""
    judged = judge(span, knowing(span, 0.3))
    sample = judged.moments.sample()
    assert set(judged.formulas) <= set(judged.metrics)
    for name, formula in judged.formulas.items():
        assert formula(sample) == pytest.approx(judged.metrics[name], rel=1e-9), name


def test_annualisation_is_of_the_bars_own_frequency(span):
    judged = judge(span, knowing(span, 0.3))
    years = performance.bars_per_year(np.unique(span.times))
    assert judged.bars_per_year == years == pytest.approx(365.25, rel=1e-6)
    net = judged.returns.to_numpy()
    assert judged.metrics["sharpe_annual"] == pytest.approx(
        net.mean() / net.std(ddof=1) * np.sqrt(years)
    )


@pytest.mark.parametrize("column", ["mean", "scale", "degrees_of_freedom", "position"])
def test_a_prediction_that_is_not_finite_is_refused(span, column):
    model = knowing(span, 0.3)
    getattr(model, column)[7] = np.nan
    with pytest.raises(InvalidConfig, match=rf"model: {column} must be finite, but row 7, symbol"):
        judge(span, model)


def test_a_prediction_of_other_rows_is_refused(span):
    other = said(span_of_returns(dates=30))
    with pytest.raises(InvalidConfig, match=rf"predict each of the {len(span)} rows, got 30"):
        judge(span, other)


def test_too_few_dates_are_refused():
    with pytest.raises(InvalidConfig, match="needs 20 dates or more, got 19"):
        span_of_returns(dates=19)


def test_constant_outcomes_are_refused(span):
    with pytest.raises(InvalidConfig, match=r"must vary, but all \d+ returns are 0\.0"):
        replace(span, realised=np.zeros(len(span)))


@pytest.mark.parametrize("column", ["realised", "units", "next_returns"])
def test_outcomes_that_are_not_known_are_refused(span, column):
    values = getattr(span, column).copy()
    values[3] = np.nan
    with pytest.raises(InvalidConfig, match=f"{column} must be finite, but row 3 of"):
        replace(span, **{column: values})


def test_one_class_only_is_refused(span):
    with pytest.raises(InvalidConfig):
        judge(replace(span, realised=np.abs(span.realised) + 1e-6), knowing(span, 0.3))
