"""The machine that decides when a model is trained anew."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordinis_mlflow.errors import InvalidConfig, RetrainingError
from ordinis_mlflow.retraining import (
    COOL_DOWN,
    EVALUATE,
    RETRAIN,
    WARN,
    WATCH,
    LoopState,
    Observation,
    RetrainPolicy,
    ask,
    decided,
    failed,
    give_up,
    hold,
    observe,
    release,
    trained,
)

DAY = 86_400_000_000_000
POLICY = RetrainPolicy(max_age_days=10_000.0)
TIMES = np.arange(1, 2001, dtype=np.int64) * DAY


def seen(bar, alarm=False, performance=False, known=0):
    return Observation(TIMES[:bar], alarm, performance, known)


def walk(checks, policy=POLICY, state=None):
    """States after each (bar, alarm, performance)."""
    steps, state = [], state or LoopState()
    for check in checks:
        steps.append(observe(state, seen(*check), policy))
        state = steps[-1].state
    return steps


def at_evaluate(state):
    return trained(state, "run", "2").state


def test_one_alarm_warns_and_a_second_one_well_apart_triggers():
    first, second = walk([(100, True), (121, True)])
    assert first.state.phase == WARN
    assert (second.state.phase, second.state.cause, second.state.trigger) == (RETRAIN, "drift", 1)


@pytest.mark.parametrize("later", [101, 120, 164, 300])
def test_alarms_too_near_or_too_far_apart_do_not(later):
    assert walk([(100, True), (later, True)])[-1].state.phase == WARN


def test_an_alarm_that_is_not_confirmed_is_forgotten():
    assert walk([(100, True), (164, False)])[-1].state.phase == WATCH


def test_an_alarm_with_worse_performance_triggers_at_once():
    (step,) = walk([(100, True, True)])
    assert (step.state.phase, step.state.cause) == (RETRAIN, "performance")
    assert walk([(100, False, True)])[-1].state.phase == WATCH
    assert walk([(100, True), (110, False, True)])[-1].state.cause == "performance"


def test_age_triggers_without_an_alarm():
    policy = RetrainPolicy(max_age_days=99.0)
    assert observe(LoopState(), seen(99), policy).state.phase == WATCH
    step = observe(LoopState(), seen(100), policy)
    assert (step.state.phase, step.state.cause) == (RETRAIN, "age")


def test_the_same_bars_change_nothing():
    state = walk([(100, True)])[-1].state
    assert observe(state, seen(100, True), POLICY).state == state
    assert observe(state, seen(90, True, True), POLICY).state == state


def test_what_is_under_way_is_not_triggered_again():
    state = walk([(100, True), (121, True)])[-1].state
    for phase in (state, at_evaluate(state)):
        after = observe(phase, seen(150, True, True), POLICY).state
        assert (after.phase, after.trigger) == (phase.phase, 1)


def test_promotion_cools_down_and_the_watch_begins_anew():
    state = at_evaluate(walk([(100, True), (121, True)])[-1].state)
    state = decided(state, True, "better", POLICY).state
    assert (state.phase, state.rejected, state.ended) == (COOL_DOWN, 0, int(TIMES[120]))
    cooling = walk([(150, True, True), (180, True, True)], state=state)
    assert [step.state.phase for step in cooling] == [COOL_DOWN, COOL_DOWN]
    after = observe(cooling[-1].state, seen(181, True), POLICY).state
    assert (after.phase, after.alarms) == (WARN, (int(TIMES[180]),))


def test_the_circuit_opens_loudly_and_stays_open_until_released():
    policy = replace(POLICY, breaker=2, cooldown_bars=1)
    state, notes = LoopState(), []
    for bar in range(100, 200, 10):
        step = observe(state, seen(bar, True, True), policy)
        notes.append(step)
        state = step.state
        if state.phase == RETRAIN:
            step = decided(at_evaluate(state), False, "no better", policy)
            notes.append(step)
            state = step.state
    assert state.trigger == 2
    assert notes[-1].loud
    assert "circuit is open" in notes[-1].note
    released = release(state).state
    assert observe(released, seen(210, True, True), policy).state.phase == RETRAIN


def test_a_failed_training_counts_as_a_rejected_challenger():
    state = walk([(100, True), (121, True)])[-1].state
    step = failed(state, "no data", POLICY)
    assert (step.state.rejected, step.loud) == (1, True)


def test_what_is_given_up_by_hand_is_over_and_lost_to_nobody():
    state = walk([(100, True), (121, True)])[-1].state
    for begun in (state, at_evaluate(state)):
        step = give_up(begun, "its run was deleted")
        assert (step.state.phase, step.state.rejected) == (COOL_DOWN, 0)
        assert step.note == "retraining 1 was given up: its run was deleted"
        with pytest.raises(InvalidConfig, match="a reason"):
            give_up(begun, " ")
    with pytest.raises(RetrainingError):
        give_up(step.state, "again")


def test_a_hold_by_hand_holds_back_even_age():
    held = hold(LoopState(), "an exchange has changed its sessions").state
    step = observe(held, seen(100, True, True), RetrainPolicy(max_age_days=1.0))
    assert (step.state.phase, step.loud) == (WARN, True)
    assert "sessions" in step.note
    assert observe(release(step.state).state, seen(101, True, True), POLICY).state.under_way
    with pytest.raises(InvalidConfig):
        hold(LoopState(), "  ")


def test_enough_is_enough_but_not_for_age():
    policy = RetrainPolicy(most_retrains=1, cooldown_bars=1, max_age_days=10_000.0)
    state = walk([(100, True, True)], policy)[-1].state
    state = decided(at_evaluate(state), True, "better", policy).state
    step = observe(state, seen(120, True, True), policy)
    assert "are enough" in step.note
    assert observe(state, seen(120), replace(policy, max_age_days=1.0)).state.cause == "age"
    assert observe(step.state, seen(500, True, True), policy).state.phase == RETRAIN


@pytest.mark.parametrize("phase", [WATCH, WARN, COOL_DOWN, EVALUATE])
def test_steps_out_of_their_phase_are_refused(phase):
    with pytest.raises(RetrainingError):
        trained(LoopState(phase=phase), "run", "2")
    if phase != EVALUATE:
        with pytest.raises(RetrainingError):
            decided(LoopState(phase=phase), True, "", POLICY)


CHECKS = st.lists(
    st.tuples(st.integers(1, 30), st.booleans(), st.booleans(), st.booleans()), max_size=80
)


@given(CHECKS)
def test_whatever_happens_the_limits_hold(checks):
    policy = RetrainPolicy(21, 63, 300.0, 30, 2, 200.0, 3)
    state, bar, triggers, row = LoopState(), 1, [], 0
    for ahead, alarm, performance, promoted in checks:
        bar = min(bar + ahead, len(TIMES))
        step = observe(state, seen(bar, alarm, performance, int(TIMES[max(bar - 250, 0)])), policy)
        if step.state.phase == RETRAIN:
            assert not state.under_way
            assert row < policy.breaker
            triggers.append(bar)
            assert len(triggers) < 2 or triggers[-1] - triggers[-2] >= policy.cooldown_bars
            assert sum(each > bar - policy.period_days for each in triggers) <= 2
            row = 0 if promoted else row + 1
            step = decided(at_evaluate(step.state), promoted, "", policy)
        state = LoopState.from_json(step.state.to_json())
        assert state == step.state


def test_a_policy_or_an_observation_that_makes_no_sense_is_refused():
    with pytest.raises(InvalidConfig, match="gap_bars"):
        RetrainPolicy(gap_bars=0)
    with pytest.raises(InvalidConfig, match="within_bars"):
        RetrainPolicy(gap_bars=30, within_bars=20)
    with pytest.raises(InvalidConfig):
        Observation(np.array([2, 1]), False, False, 0)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"phase": "dance"}', "null", "[" * 100_000])
def test_what_is_no_state_is_refused(text):
    with pytest.raises(RetrainingError):
        LoopState.from_json(text)


def test_by_hand_it_is_triggered_while_it_cools_down_and_past_an_open_circuit():
    lost = LoopState(phase=COOL_DOWN, seen=9, trigger=4, ended=9, rejected=99)
    step = ask(lost, "a new feature set")
    assert (step.state.phase, step.state.trigger, step.state.cause) == (RETRAIN, 5, "hand")
    assert (step.state.triggered, step.state.retrains) == (9, (9,))
    assert step.note == "retraining 5: hand, a new feature set"


def test_by_hand_nothing_is_triggered_twice_or_against_a_hold_or_without_a_reason():
    under_way = ask(LoopState(), "first").state
    with pytest.raises(RetrainingError, match=r"retraining 1 \(hand\) is under way"):
        ask(under_way, "second")
    with pytest.raises(RetrainingError, match="held: holidays"):
        ask(hold(LoopState(), "holidays").state, "now")
    with pytest.raises(InvalidConfig, match="needs a reason"):
        ask(LoopState(), " ")
