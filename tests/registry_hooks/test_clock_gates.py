"""Gates that look at a clock: latency and age."""

import numpy as np
import pandas as pd
import pytest
from planted import candidate_of, slowed

from registry_hooks.gates import latency
from registry_hooks.gates.age import AgeGate
from registry_hooks.gates.latency import LatencyGate


class TestLatency:
    def test_a_small_network_is_fast_enough(self, sound):
        verdict = LatencyGate().check(sound)
        assert verdict.passed, verdict
        assert 0.0 < verdict.observed < verdict.limit

    def test_a_graph_that_multiplies_for_nothing_is_refused(self, folder):
        """It says the same as the original, and takes milliseconds for it."""
        verdict = LatencyGate(calls=100).check(candidate_of(slowed(folder)))
        assert not verdict.passed
        assert verdict.observed > verdict.limit

    def test_the_workload_is_fixed(self):
        first, second = (latency.workload()() for _ in range(2))
        assert np.array_equal(first, second)
        assert np.isfinite(first).all()
        assert np.abs(first).max() > 1e-3  # no denormal numbers, which take longer

    def test_calls_take_turns(self):
        order = []
        latency.timed(lambda: order.append(1), lambda: order.append(2), 100)
        assert order == [1, 2] * (100 + latency.WARM_UP)


class TestAge:
    @pytest.fixture
    def at(self, monkeypatch, sound):
        """Ask so many days after the newest fitted bar."""
        fitted = pd.Timestamp(sound.contract.fitted_last)

        def call(days, limit=400.0):
            now = (fitted + pd.Timedelta(days=days)).value
            monkeypatch.setattr(AgeGate, "clock", lambda: now)
            return AgeGate(days=limit).check(sound)

        return call

    @pytest.mark.parametrize(("days", "passed"), [(0, True), (400, True), (400.01, False)])
    def test_days_are_counted_from_the_newest_fitted_bar(self, at, days, passed):
        verdict = at(days)
        assert verdict.passed == passed
        assert verdict.observed == pytest.approx(days)
        assert verdict.limit == 400.0

    def test_bars_of_the_future_are_refused(self, at):
        verdict = at(-1)
        assert not verdict.passed
        assert "still to come" in verdict.reason

    def test_without_a_clock_of_the_test_it_is_today(self, sound):
        verdict = AgeGate(days=1.0).check(sound)
        assert not verdict.passed
        assert verdict.observed > 1000.0
