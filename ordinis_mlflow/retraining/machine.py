"""The machine: a state and what was seen to the next state and what to say of it. Pure."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig, RetrainingError
from ordinis_mlflow.retraining.policy import RetrainPolicy
from ordinis_mlflow.retraining.state import COOL_DOWN, EVALUATE, RETRAIN, WARN, WATCH, LoopState

DAY = 86_400_000_000_000
DRIFT, PERFORMANCE, AGE, HAND = "drift", "performance", "age", "hand"


@dataclass(frozen=True, eq=False)
class Observation:
    """One check.

    Attributes:
        times: of the bars up to now, UTC nanoseconds, ascending, each once; the last is now.
        alarm: whether drift was found.
        performance: whether realised performance was found worse than it should be.
        known: newest bar that was known when the champion was trained.
    """

    times: npt.NDArray[np.int64]
    alarm: bool
    performance: bool
    known: int

    def __post_init__(self) -> None:
        if not len(self.times) or (np.diff(self.times) <= 0).any():
            raise InvalidConfig("an observation needs times of bars, ascending, each once")

    @property
    def now(self) -> int:
        """The newest bar."""
        return int(self.times[-1])

    def bars_since(self, then: int) -> int:
        """Bars after a time; those before the first that is known are not counted."""
        return len(self.times) - int(np.searchsorted(self.times, then, side="right"))


@dataclass(frozen=True)
class Step:
    """What a check, or an action, led to.

    Attributes:
        state: the next.
        note: one sentence for the run, the log and whoever is on call.
        loud: whether somebody has to look.
    """

    state: LoopState
    note: str
    loud: bool = False


def observe(state: LoopState, seen: Observation, policy: RetrainPolicy) -> Step:
    """Take a check into account. The same bar, or an older one, changes nothing.

    A trigger leads to ``retrain``. While a retraining is under way, cooled down from, held back by
    hand, or the circuit is open, alarms are noted and nothing is triggered. Age triggers without
    any alarm and beyond ``most_retrains``, but not while one of those four holds.
    """
    if seen.now <= state.seen:
        return Step(state, "these bars were looked at before")
    state = _noted(replace(state, seen=seen.now), seen, policy)
    if state.under_way:
        return Step(state, f"retraining {state.trigger} ({state.cause}) is under way")
    if state.phase == COOL_DOWN:
        left = policy.cooldown_bars - seen.bars_since(state.ended)
        # The window still holds bars from before: alarms say nothing new until it has been filled.
        state = replace(state, alarms=(seen.now,) if seen.alarm and left <= 0 else ())
        if left > 0:
            return Step(state, f"cooling down for {left} more bars")
    cause = _cause(state, seen, policy)
    state = replace(state, phase=WARN if state.alarms else WATCH)
    if not cause:
        return Step(state, _quiet(state, seen))
    refusal = _held_back(state, seen, cause, policy)
    if refusal:
        return Step(state, f"{cause} would trigger a retraining, but {refusal}", loud=True)
    return Step(_triggered(state, seen.now, cause), f"retraining {state.trigger + 1}: {cause}")


def ask(state: LoopState, why: str) -> Step:
    """Trigger by hand: also while it cools down, and past the limits that hold alarms back.

    Raises:
        InvalidConfig: no reason is given.
        RetrainingError: a retraining is under way, or the loop is held.
    """
    if not why.strip():
        raise InvalidConfig("a retraining by hand needs a reason: whoever is on call will ask")
    if state.under_way:
        raise RetrainingError(f"retraining {state.trigger} ({state.cause}) is under way")
    if state.held:
        raise RetrainingError(f"the loop is held: {state.held}; release it first")
    new = _triggered(state, state.seen, HAND)
    return Step(new, f"retraining {new.trigger}: {HAND}, {why.strip()}")


def trained(state: LoopState, run: str, challenger: str) -> Step:
    """The training has registered a challenger, which is to be evaluated.

    Raises:
        RetrainingError: no retraining is under way.
    """
    _require(state, RETRAIN)
    new = replace(state, phase=EVALUATE, run=run, challenger=challenger)
    return Step(new, f"retraining {state.trigger}: version {challenger} is to be evaluated")


def decided(state: LoopState, promoted: bool, reason: str, policy: RetrainPolicy) -> Step:
    """The gates have decided on the challenger.

    Raises:
        RetrainingError: none is being evaluated.
    """
    _require(state, EVALUATE)
    if promoted:
        return Step(_ended(state, 0), f"version {state.challenger} was promoted: {reason}")
    return _lost(state, f"version {state.challenger} was rejected: {reason}", policy)


def failed(state: LoopState, reason: str, policy: RetrainPolicy) -> Step:
    """The training came to nothing; counts as a rejected challenger, and is nobody's intention.

    Raises:
        RetrainingError: no retraining is under way.
    """
    _require(state, RETRAIN, EVALUATE)
    lost = _lost(state, f"retraining {state.trigger} failed: {reason}", policy)
    return replace(lost, loud=True)


def give_up(state: LoopState, why: str) -> Step:
    """End what is under way by hand: what it waits for will not come. No challenger is lost.

    Raises:
        InvalidConfig: no reason is given.
        RetrainingError: no retraining is under way.
    """
    if not why.strip():
        raise InvalidConfig("giving up needs a reason: whoever is on call will ask")
    if not state.under_way:
        raise RetrainingError(f"there is nothing to give up: the loop is in phase {state.phase!r}")
    said = f"retraining {state.trigger} was given up: {why.strip()}"
    return Step(_ended(state, state.rejected), said)


def hold(state: LoopState, why: str) -> Step:
    """Trigger nothing until :func:`release`; what is under way goes on.

    Raises:
        InvalidConfig: no reason is given.
    """
    if not why.strip():
        raise InvalidConfig("a hold needs a reason: whoever is on call will ask")
    return Step(replace(state, held=why.strip()), f"held: {why.strip()}")


def release(state: LoopState) -> Step:
    """End a hold, and close the circuit."""
    return Step(replace(state, held="", rejected=0), "released")


def _noted(state: LoopState, seen: Observation, policy: RetrainPolicy) -> LoopState:
    """With this alarm, and without those that are too old to be confirmed."""
    young = tuple(then for then in state.alarms if seen.bars_since(then) <= policy.within_bars)
    return replace(state, alarms=(*young, seen.now) if seen.alarm else young)


def _cause(state: LoopState, seen: Observation, policy: RetrainPolicy) -> str:
    if seen.now - seen.known > policy.max_age_days * DAY:
        return AGE
    if seen.performance and state.alarms:
        return PERFORMANCE
    if seen.alarm and any(seen.bars_since(t) >= policy.gap_bars for t in state.alarms):
        return DRIFT
    return ""


def _held_back(state: LoopState, seen: Observation, cause: str, policy: RetrainPolicy) -> str:
    """Why a trigger must not lead to a retraining; "" if it may."""
    if state.held:
        return f"it is held: {state.held}"
    if state.rejected >= policy.breaker:
        return (
            f"the circuit is open: {state.rejected} challengers one after another were rejected or "
            "failed; look why, then release it"
        )
    recent = _after(state.retrains, int(seen.now - policy.period_days * DAY))
    if cause != AGE and len(recent) >= policy.most_retrains:
        return f"{len(recent)} retrainings within {policy.period_days:g} days are enough"
    return ""


def _quiet(state: LoopState, seen: Observation) -> str:
    if not state.alarms:
        return "no alarm"
    bars = seen.bars_since(state.alarms[0])
    return f"warned {bars} bars ago; another alarm well apart, or worse performance, would trigger"


def _triggered(state: LoopState, bar: int, cause: str) -> LoopState:
    return replace(
        state,
        phase=RETRAIN,
        trigger=state.trigger + 1,
        cause=cause,
        triggered=bar,
        run="",
        challenger="",
        retrains=(*state.retrains, bar),
    )


def _lost(state: LoopState, note: str, policy: RetrainPolicy) -> Step:
    rejected = state.rejected + 1
    opens = rejected >= policy.breaker
    said = f"{note}; the circuit opens after {rejected} one after another" if opens else note
    return Step(_ended(state, rejected), said, loud=opens)


def _ended(state: LoopState, rejected: int) -> LoopState:
    return replace(state, phase=COOL_DOWN, ended=state.seen, alarms=(), rejected=rejected)


def _after(times: tuple[int, ...], then: int) -> tuple[int, ...]:
    return tuple(each for each in times if each > then)


def _require(state: LoopState, *phases: str) -> None:
    if state.phase not in phases:
        raise RetrainingError(
            f"the loop is in phase {state.phase!r}, this is for {' or '.join(phases)}: somebody "
            "else has gone on"
        )
