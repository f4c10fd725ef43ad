"""Gates that judge on the reserved span: performance and overfitting."""

import uuid
from dataclasses import replace

import mlflow
import numpy as np
import pytest
from mlflow.exceptions import MlflowException
from planted import candidate_of, claim, copied, move_head

from ordinis_mlflow.errors import InvalidConfig, PackageError, StoreError, TooFewBars
from ordinis_mlflow.tracking import declare
from registry_hooks.gates import overfitting as module
from registry_hooks.gates.overfitting import OverfittingGate
from registry_hooks.gates.performance import PerformanceGate


@pytest.fixture
def worse(saved_package, tmp_path):
    """A version of which the network forecasts three times the scale."""
    return candidate_of(move_head(copied(saved_package, tmp_path, "worse"), scale=3.0), version="2")


class TestPerformance:
    def test_the_first_champion_beats_the_naive_baseline(self, sound):
        verdict = PerformanceGate().check(sound)
        assert verdict.passed, verdict
        assert verdict.observed > verdict.limit == 0.0
        assert "zero_mean_volatility" in verdict.reason

    def test_one_that_does_not_is_refused(self, worse):
        verdict = PerformanceGate().check(worse)
        assert not verdict.passed
        assert verdict.observed < 0.0

    def test_the_figure_is_that_of_the_report(self, sound):
        found = sound.report.difference("log_score_nats", "zero_mean_volatility")
        assert PerformanceGate().check(sound).observed == found.interval.low

    def test_as_good_as_the_champion_is_good_enough(self, sound, saved_package):
        verdict = PerformanceGate(margin=0.0).check(
            candidate_of(saved_package, version="2", champion=sound)
        )
        assert verdict.passed
        assert verdict.observed == 0.0
        assert "small version 1" in verdict.reason

    def test_a_worse_challenger_is_refused(self, sound, worse):
        verdict = PerformanceGate().check(replace(worse, champion=sound))
        assert not verdict.passed
        assert verdict.limit == -PerformanceGate().margin

    def test_a_better_challenger_passes(self, saved_package, worse):
        better = candidate_of(saved_package, version="3", champion=worse)
        verdict = PerformanceGate().check(better)
        assert verdict.passed
        assert verdict.observed > 0.0

    def test_a_margin_may_allow_what_is_lost(self, sound, worse):
        challenger = replace(worse, champion=sound)
        assert PerformanceGate(margin=100.0).check(challenger).passed

    def test_too_few_dates_are_refused(self, sound):
        verdict = PerformanceGate(dates=10_000).check(sound)
        assert not verdict.passed
        assert verdict.observed == len(sound.report.span.dates)

    def test_only_what_neither_has_seen_counts(self, sound, folder):
        """A champion that was fitted to later bars shortens the span of both."""
        later = str(sound.report.span.dates[10])
        champion = candidate_of(claim(folder, fitted_last=later))
        shortened = replace(sound, champion=champion)
        assert shortened.report.span.dates[0] == sound.report.span.dates[11]

    def test_nothing_left_to_judge_on_is_refused(self, folder, sound):
        with pytest.raises(TooFewBars, match="is later"):
            PerformanceGate().check(
                candidate_of(claim(folder, fitted_last=sound.contract.data_last))
            )

    def test_a_champion_that_cannot_be_loaded_is_named(self, sound, folder):
        (folder / "model.onnx").unlink()
        challenger = replace(sound, champion=candidate_of(folder, version="7"))
        with pytest.raises(PackageError, match=r"the champion, small version 7.*roll back"):
            PerformanceGate().check(challenger)

    def test_costs_are_those_that_are_asked_for(self, sound):
        cheap, dear = (replace(sound, cost_bps=cost).report for cost in (0.0, 50.0))
        assert cheap.model.metrics["sharpe_annual"] > dear.model.metrics["sharpe_annual"]


class TestOverfitting:
    @pytest.fixture
    def of_this_test(self, sound, monkeypatch):
        """Attempts are counted by the symbols' names, and other tests train on these bars too."""
        span = replace(
            sound.report.span,
            symbols=np.char.add(sound.report.span.symbols, uuid.uuid4().hex),
        )
        report = replace(sound.report, span=span)
        sound.__dict__["report"] = report
        return sound

    @pytest.fixture
    def attempts(self, of_this_test):
        def call(count, spread):
            for number in range(count):
                with mlflow.start_run() as run:
                    declare(of_this_test.report.span, run.info.run_id)
                    mlflow.log_metric("test/sharpe_annual", spread * (-1) ** number)

        return call

    def test_one_attempt_that_earns_passes(self, of_this_test):
        verdict = OverfittingGate(deflated_sharpe=0.5).check(of_this_test)
        assert verdict.passed, verdict
        assert "dates: 1;" in verdict.reason

    def test_the_best_of_many_is_refused(self, of_this_test, attempts):
        attempts(30, spread=20.0)
        verdict = OverfittingGate(deflated_sharpe=0.5).check(of_this_test)
        assert not verdict.passed
        assert verdict.observed < 0.5
        assert "dates: 30;" in verdict.reason

    def test_either_limit_is_enough(self, of_this_test, attempts, monkeypatch):
        attempts(30, spread=20.0)
        found = {"deflated_sharpe_share": 0.1, "pbo_share": 0.3}
        monkeypatch.setattr(module, "overfitting", lambda *_: found)
        verdict = OverfittingGate(deflated_sharpe=0.5, pbo=0.4).check(of_this_test)
        assert verdict.passed
        assert (verdict.observed, verdict.limit) == (0.3, 0.4)
        assert not OverfittingGate(deflated_sharpe=0.5, pbo=0.2).check(of_this_test).passed

    def test_one_that_never_trades_says_so(self, of_this_test):
        report = of_this_test.report
        still = replace(report.model, returns=report.model.returns * 0.0)
        of_this_test.__dict__["report"] = replace(report, model=still)
        verdict = OverfittingGate(deflated_sharpe=1.0).check(of_this_test)
        assert verdict.passed
        assert "takes no position" in verdict.reason

    def test_a_store_that_does_not_answer_is_no_free_pass(self, of_this_test, monkeypatch):
        def gone(*_, **__):
            raise MlflowException("the store is gone")

        monkeypatch.setattr(module, "count_trials", gone)
        with pytest.raises(StoreError, match="the store is gone"):
            OverfittingGate().check(of_this_test)

    def test_limits(self):
        with pytest.raises(InvalidConfig, match="probabilities"):
            OverfittingGate(pbo=1.1)
