"""From gates to verdicts: whatever a gate does, a promotion without proof is none."""

import logging
import math
from dataclasses import dataclass
from typing import ClassVar

import pytest
from planted import HOSTILE, candidate_of, copied

from ordinis_mlflow.errors import InvalidConfig, OrdinisError
from ordinis_mlflow.promotion import decide, read_policy
from ordinis_mlflow.promotion.decide import LONGEST
from ordinis_mlflow.promotion.policy import Policy, Rule
from ordinis_mlflow.verdict import Verdict


def gate(called, does):
    """A gate of this name that does this when it is asked."""

    @dataclass(frozen=True)
    class Planted:
        name: ClassVar[str] = called

        def check(self, candidate):
            return does(candidate)

    return Planted()


def says(name, passed=True, observed=1.0, limit=0.0, reason="for a reason of its own"):
    return gate(name, lambda _: Verdict(name, passed, observed, limit, reason))


def raises(name, error):
    def does(_):
        raise error

    return gate(name, does)


@pytest.fixture
def decided(saved_package, tracking_store):
    def call(*gates, candidate=None, cost_bps=1.0):
        policy = Policy("here", "0", {}, cost_bps, (Rule("*", "Production", gates),))
        return decide(candidate or candidate_of(saved_package), policy)

    return call


def test_every_gate_answers_in_order(decided):
    names = ["age", "manifest", "other"]
    verdicts = decided(*(says(name, passed=name != "age") for name in names))
    assert [each.name for each in verdicts] == names
    assert [each.passed for each in verdicts] == [False, True, True]


@pytest.mark.parametrize("name", ["manifest", "probe"])
def test_nothing_is_asked_of_files_that_are_not_what_they_seem(decided, name):
    asked = []
    last = gate("last", lambda _: asked.append(1))
    verdicts = decided(says("first"), says(name, passed=False), last)
    assert [each.passed for each in verdicts] == [True, False, False]
    assert verdicts[-1].reason == f"not run: {name} refused"
    assert not asked


def test_an_error_of_ours_is_the_reason(decided):
    (verdict,) = decided(raises("age", OrdinisError("line one\n\tline \x1b[31mtwo")))
    assert not verdict.passed
    assert verdict.reason == "line one line [31mtwo"


def test_a_broken_gate_refuses_and_tells_the_log_alone(decided, caplog):
    with caplog.at_level(logging.ERROR):
        (verdict,) = decided(raises("age", ZeroDivisionError("secret path")))
    assert not verdict.passed
    assert "age broke down with ZeroDivisionError" in verdict.reason
    assert "secret" not in verdict.reason
    assert "secret path" in caplog.text


@pytest.mark.parametrize("answer", [None, True, "passed", Verdict("other", True, 0, 0, "")])
def test_what_is_no_verdict_of_its_own_refuses(decided, answer):
    (verdict,) = decided(gate("age", lambda _: answer))
    assert not verdict.passed
    assert "no verdict of its name" in verdict.reason


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("which", ["observed", "limit"])
def test_a_figure_that_is_not_finite_refuses(decided, figure, which):
    (verdict,) = decided(says("age", **{which: figure}))
    assert not verdict.passed
    assert math.isfinite(verdict.observed)
    assert math.isfinite(verdict.limit)


def test_a_reason_is_cut(decided):
    (verdict,) = decided(says("age", reason="x" * 10 * LONGEST))
    assert verdict.passed
    assert len(verdict.reason) == LONGEST


def test_a_target_without_gates_is_an_error(decided, saved_package):
    with pytest.raises(InvalidConfig, match="no gates"):
        decided(says("age"), candidate=candidate_of(saved_package, target="@other"))


def test_costs_are_those_of_the_policy(decided):
    seen = []
    decided(gate("age", lambda each: seen.append(each.cost_bps)), cost_bps=7.0)
    assert seen == [7.0]


def test_the_built_in_policy_passes_the_sound_package(saved_package, tracking_store):
    """All but what a market of a few formulas cannot give: enough dates, and bars of today."""
    candidate = candidate_of(saved_package, name="sp500")
    verdicts = decide(candidate, read_policy())
    assert [each.name for each in verdicts if not each.passed] == ["performance"]
    assert "at least 60 are needed" in str(verdicts)


@pytest.mark.parametrize("name", HOSTILE)
def test_the_built_in_policy_refuses_whatever_was_uploaded(
    name, saved_package, tmp_path, tracking_store
):
    folder = copied(saved_package, tmp_path)
    HOSTILE[name](folder)
    verdicts = decide(candidate_of(folder, target="Staging"), read_policy())
    assert not all(each.passed for each in verdicts)
    assert all(math.isfinite(each.observed + each.limit) for each in verdicts)
