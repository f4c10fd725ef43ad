"""Intervals, differences to baselines, tests of several, what is left after many trials."""

import numpy as np
import pandas as pd
import pytest
from spans import knowing, said, span_of_returns

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.evaluation import Trials, judge, overfitting, report
from ordinis_mlflow.evaluation import tables as of


@pytest.fixture(scope="module")
def span():
    return span_of_returns(dates=400, symbols=("AAA", "BBB"))


@pytest.fixture(scope="module")
def made(span):
    wide = said(span, "wide", spread=1.6)
    narrow = said(span, "narrow", spread=0.4)
    return report(span, knowing(span, 0.2), [wide, narrow, said(span, "long", position=1.0)])


def test_every_headline_score_has_an_interval_around_it(made):
    assert {
        "log_score_nats", "crps_units", "qlike", "brier_score", "ic", "rank_ic", "hit_rate_share",
        "sharpe_annual", "sortino_annual", "annual_growth_share", "annual_volatility_share",
        "max_drawdown_share", "total_return_share",
    } <= made.intervals.keys()  # fmt: skip
    for name, one in made.intervals.items():
        assert one.low < one.high, name
        if name != "max_drawdown_share":  # deeper on most resampled paths than on a good one
            assert one.low <= made.model.metrics[name] <= one.high, name


def test_differences_are_of_the_same_resamples(made):
    lead = made.difference("log_score_nats", "wide")
    ours, theirs = made.model.metrics, made.baselines[0].metrics
    assert lead.value == pytest.approx(ours["log_score_nats"] - theirs["log_score_nats"])
    assert 0 < lead.interval.low < lead.value < lead.interval.high
    alone = made.intervals["log_score_nats"]
    assert lead.interval.high - lead.interval.low < alone.high - alone.low


def test_a_baseline_without_an_ic_has_no_difference_of_it(made):
    with pytest.raises(KeyError, match="rank_ic above wide"):
        made.difference("rank_ic", "wide")
    assert all(np.isfinite(each.value) for each in made.differences)


def test_differences_to_oneself_are_nothing(span):
    model = knowing(span, 0.2)
    twin = type(model)("twin", *(getattr(model, name) for name in model.columns()))
    same = report(span, model, [twin], samples=200)
    assert {each.value for each in same.differences} == {0.0}
    assert all(e.interval.low == e.interval.high == 0.0 for e in same.differences)


def test_the_best_of_several_is_found(made, span):
    assert "model" in made.confidence_set.included
    assert "wide" not in made.confidence_set.included
    assert made.spa.p_consistent > 0.1  # nobody is better than the model
    worse = report(span, said(span, "model", spread=2.5), [knowing_as(span, "a"), said(span, "b")])
    assert worse.spa.p_consistent < 0.05


def knowing_as(span, name):
    model = knowing(span, 0.2)
    return type(model)(name, *(getattr(model, column) for column in model.columns()))


def test_one_baseline_needs_no_test_of_several(span):
    alone = report(span, knowing(span, 0.2), [said(span, "zero")], samples=100)
    assert alone.spa is None
    assert alone.confidence_set is None
    assert of.tests_table(alone).empty


def test_a_seed_gives_the_same_report(span):
    one, other = (report(span, knowing(span, 0.2), samples=100, seed=3) for _ in range(2))
    assert one.intervals == other.intervals
    assert one.intervals != report(span, knowing(span, 0.2), samples=100, seed=4).intervals


def test_intervals_hold_the_truth_as_often_as_they_say():
    """Of 100 spans with a true log score, intervals of 90 % miss it 1 to 20 times."""
    truth = np.mean(judge(long := span_of_returns(dates=20_000, seed=99), said(long)).log_scores)
    missed = 0
    for seed in range(100):
        span = span_of_returns(dates=200, seed=seed)
        one = report(span, said(span), samples=200, level=0.9).intervals["log_score_nats"]
        missed += not one.low <= truth <= one.high
    assert 1 <= missed <= 20


def test_names_must_differ(span):
    with pytest.raises(InvalidConfig, match=r"a name of its own, got \['model', 'model'\]"):
        report(span, knowing(span, 0.2), [said(span)])


def test_tables(made):
    scores = of.scores_table(made)
    assert list(scores.columns[:4]) == ["metric", "model", "low", "high"]
    assert set(scores["metric"]) == set(made.model.metrics)
    assert set(of.differences_table(made)["baseline"]) == {"wide", "narrow", "long"}
    assert set(of.tests_table(made)["forecaster"]) == {"model", "wide", "narrow", "long"}
    years = of.years_table(made)
    assert years["year"].tolist() == [2024, 2025]
    assert years["rows"].sum() == len(made.span)
    total = np.prod(1.0 + years["total_return_share"])
    assert total == pytest.approx(1.0 + made.model.metrics["total_return_share"])
    assert of.reliability_table(made)["count"].sum() == len(made.span)


def test_rolling_ic_is_the_correlation_of_its_window(span):
    model = knowing(span, 0.2)
    series = of.rolling_ic(judge(span, model), window=50)
    assert len(series) == 400 - 49
    last = span.times > span.dates[-51]
    x, y = (model.mean / span.units)[last], (span.realised / span.units)[last]
    assert series.iloc[-1] == pytest.approx(np.corrcoef(x, y)[0, 1])


def trials_of(evaluation, count, sharpes, returns=None):
    table = pd.DataFrame() if returns is None else returns
    return Trials(count, np.array(sharpes, float), table)


def test_a_sharpe_ratio_is_worth_less_the_more_was_tried(span):
    evaluation = judge(span, knowing(span, 0.03))
    sharpe = evaluation.metrics["sharpe_annual"]
    assert sharpe > 0
    spread = [sharpe, 0.5 * sharpe, -0.5 * sharpe]
    found = [
        overfitting(evaluation, trials_of(evaluation, n, spread))["deflated_sharpe_share"]
        for n in (3, 30, 300)
    ]
    alone = overfitting(evaluation, trials_of(evaluation, 1, [sharpe]))
    assert alone["probabilistic_sharpe_share"] == alone["deflated_sharpe_share"]
    assert alone["deflated_sharpe_share"] > found[0] > found[1] > found[2]
    assert alone["min_track_record_bars"] > 0


def test_trials_without_a_known_sharpe_count_all_the_same(span):
    evaluation = judge(span, knowing(span, 0.03))
    alone = overfitting(evaluation, trials_of(evaluation, 1, []))
    hundred = overfitting(evaluation, trials_of(evaluation, 100, []))
    assert hundred["deflated_sharpe_share"] < alone["deflated_sharpe_share"]


def test_backtest_overfitting_needs_two_different_trials(span):
    one, other = (judge(span, knowing(span, share)).returns for share in (0.05, 0.2))
    evaluation = judge(span, knowing(span, 0.2))
    same = pd.DataFrame({"a": one, "b": one})
    assert "pbo_share" not in overfitting(evaluation, trials_of(evaluation, 2, [], same))
    two = pd.DataFrame({"a": one, "b": other})
    assert 0.0 <= overfitting(evaluation, trials_of(evaluation, 2, [], two))["pbo_share"] <= 1.0


def test_who_never_trades_has_only_a_count_of_trials(span):
    found = overfitting(judge(span, said(span)), trials_of(None, 4, []))
    assert found == {"trials_count": 4.0}
