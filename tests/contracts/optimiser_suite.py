"""What every optimiser must do. For one of your own, subclass and supply the fixture:

class TestMine(OptimiserSuite):
    @pytest.fixture
    def make(self):
        return lambda space, objectives, seed=0: Mine(space, objectives, seed)
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spaces import NESTED, SMALL, spaces

from ordinis_mlflow.errors import InvalidConfig, ObjectiveNotFinite, TrialLost
from ordinis_mlflow.params import BoolParam, Configuration, Space
from ordinis_mlflow.tuning import Failed, Objective, Pruned, Suggestion

ONE = (Objective("score"),)
TWO = (Objective("sharpe"), Objective("p99_ms", "minimize"))
NAN, INF = float("nan"), float("inf")


def worth(configuration):
    """A number for any configuration of NESTED."""
    rate, layers = configuration["learning_rate"], configuration["num_layers"]
    return -abs(rate - 0.01) - configuration.get("momentum", 0.7) + layers / 10


def suggestions(optimiser, count, outcome=lambda configuration: {"score": worth(configuration)}):
    found = []
    for _ in range(count):
        found.append(optimiser.suggest())
        optimiser.observe(found[-1], outcome(found[-1].configuration))
    return found


class OptimiserSuite:
    several = True  # whether it follows several objectives
    trials = 25  # of a test: enough to be past what it does in the beginning

    def test_suggestions_are_numbered_configurations_of_the_space(self, make):
        optimiser = make(NESTED, ONE)
        assert optimiser.space == NESTED
        assert tuple(optimiser.objectives) == ONE
        found = suggestions(optimiser, self.trials)
        for each in found:
            assert isinstance(each, Suggestion)
            assert isinstance(each.configuration, Configuration)
            assert NESTED.check(each.configuration).to_json() == each.configuration.to_json()
            assert each.retry_of is None
        numbers = [each.number for each in found]
        assert numbers == sorted(set(numbers))

    @settings(max_examples=10, suppress_health_check=list(HealthCheck))
    @given(space=spaces(), data=st.data())
    def test_any_space_will_do(self, make, space, data):
        optimiser, seen = make(space, ONE), set()
        for step in range(5):
            suggestion = optimiser.suggest()
            if suggestion is None:
                assert seen == set(space.grid())
                return
            assert space.check(suggestion.configuration) not in seen
            seen.add(suggestion.configuration)
            optimiser.observe(suggestion, {"score": float(step)})

    def test_no_configuration_comes_twice(self, make):
        found = suggestions(make(NESTED, ONE), self.trials)
        assert len({each.configuration for each in found}) == len(found)

    def test_a_finite_space_ends_when_all_of_it_was_suggested(self, make):
        optimiser = make(SMALL, ONE)
        found = suggestions(optimiser, 12, lambda c: {"score": float(c["threads"])})
        assert {each.configuration for each in found} == set(SMALL.grid())
        assert optimiser.suggest() is None
        assert optimiser.suggest() is None

    def test_what_failed_or_was_pruned_is_not_suggested_again(self, make):
        optimiser = make(SMALL, ONE)
        outcomes = iter([Failed("out of memory"), Pruned()] * 6)
        found = suggestions(optimiser, 12, lambda _: next(outcomes))
        assert len({each.configuration for each in found}) == 12
        assert optimiser.suggest() is None

    def test_suggestions_that_are_open_at_once_differ(self, make):
        optimiser = make(SMALL, ONE)
        found = [optimiser.suggest() for _ in range(12)]
        assert len({each.configuration for each in found}) == 12
        assert optimiser.suggest() is None
        for each in reversed(found):  # observed in any order
            optimiser.observe(each, {"score": 1.0})

    def test_equal_seeds_give_equal_suggestions(self, make):
        left, right = (suggestions(make(NESTED, ONE, seed=3), self.trials) for _ in range(2))
        assert left == right

    def test_a_space_of_one_configuration(self, make):
        space = Space((BoolParam("fast", default=True),))
        found = suggestions(make(space, ONE), 2, lambda _: {"score": 0.0})
        assert {each.configuration["fast"] for each in found} == {True, False}

    def test_a_suggestion_is_observed_once(self, make):
        optimiser = make(NESTED, ONE)
        (done,) = suggestions(optimiser, 1)
        stranger = Suggestion(done.number + 100, done.configuration)
        for suggestion in (done, stranger):
            with pytest.raises(TrialLost, match=str(suggestion.number)):
                optimiser.observe(suggestion, {"score": 1.0})
            with pytest.raises(TrialLost, match=str(suggestion.number)):
                optimiser.report(suggestion, 0, 1.0)

    @pytest.mark.parametrize("value", [NAN, INF, -INF])
    def test_a_value_that_is_no_number_fails_its_trial_only(self, make, value):
        optimiser = make(NESTED, ONE)
        suggestions(optimiser, 2)
        observed, reported = optimiser.suggest(), optimiser.suggest()
        with pytest.raises(ObjectiveNotFinite, match=f"{observed.number}.* score is {value}"):
            optimiser.observe(observed, {"score": value})
        with pytest.raises(ObjectiveNotFinite, match=f"{reported.number}.* report 0 is {value}"):
            optimiser.report(reported, 0, value)
        for suggestion in (observed, reported):
            with pytest.raises(TrialLost):
                optimiser.observe(suggestion, {"score": 1.0})
        suggestions(optimiser, 2)

    @pytest.mark.parametrize(
        "values", [{}, {"sharpe": 1.0}, {"score": 1.0, "more": 1.0}, {"score": "1"}, 1.0, None]
    )
    def test_values_that_are_not_the_objectives_leave_it_open(self, make, values):
        optimiser = make(NESTED, ONE)
        suggestion = optimiser.suggest()
        with pytest.raises(InvalidConfig, match="score"):
            optimiser.observe(suggestion, values)
        optimiser.observe(suggestion, {"score": 1.0})

    def test_reports_are_answered(self, make):
        optimiser = make(NESTED, ONE)
        suggestion = optimiser.suggest()
        for step in range(3):
            assert optimiser.report(suggestion, step, float(step)) in (True, False)
        for step in (2, -1, 0.5):
            with pytest.raises(InvalidConfig, match=f"step .* got {step}"):
                optimiser.report(suggestion, step, 1.0)
        optimiser.observe(suggestion, Pruned())

    def test_several_objectives(self, make):
        if not self.several:
            with pytest.raises(InvalidConfig, match="one objective, got 2"):
                make(NESTED, TWO)
            return
        optimiser = make(NESTED, TWO)
        both = suggestions(
            optimiser, self.trials, lambda c: {"sharpe": worth(c), "p99_ms": c["num_layers"]}
        )
        assert len({each.configuration for each in both}) == len(both)
        suggestion = optimiser.suggest()
        assert optimiser.report(suggestion, 0, -1e9) is False
        with pytest.raises(InvalidConfig, match="sharpe"):
            optimiser.observe(suggestion, {"sharpe": 1.0})
        with pytest.raises(ObjectiveNotFinite, match="p99_ms is nan"):
            optimiser.observe(suggestion, {"sharpe": 1.0, "p99_ms": NAN})
