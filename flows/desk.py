"""Desk: where a model's loop stands and how it came there; by hand hold it, release it, give up."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mlflow
import pandas as pd
from mlflow import MlflowClient

from flows.command_line import NONE, given, parse, run
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.retraining import (
    Desk,
    Event,
    Kept,
    LoopState,
    Step,
    give_up,
    hold,
    open_desk,
    release,
)


@dataclass(frozen=True)
class DeskOptions:
    """Parameters of the entry point ``desk``.

    Attributes:
        model: name in the registry.
        hold: trigger nothing from now on, for this reason.
        release: end a hold, and close the circuit that rejected challengers have opened.
        give_up: end the retraining that is under way, for this reason: what it waits for, such as
            a run that was deleted, will not come.
    """

    model: str = "sp500"
    hold: str = NONE
    release: bool = False
    give_up: str = NONE

    def __post_init__(self) -> None:
        if bool(given(self.hold)) + self.release + bool(given(self.give_up)) > 1:
            raise InvalidConfig("hold, release and give_up contradict each other: pass one of them")

    def change(self) -> Callable[[LoopState], Step] | None:
        """What was asked for; None to look only."""
        held, given_up = given(self.hold), given(self.give_up)
        if held is not None:
            return lambda state: hold(state, held)
        if given_up is not None:
            return lambda state: give_up(state, given_up)
        return release if self.release else None


def main(arguments: Sequence[str]) -> None:
    """The entry point ``desk``."""
    (options,) = parse(arguments, DeskOptions)
    desk, change = open_desk(mlflow.get_tracking_uri()), options.change()
    refuse_unknown(desk, options.model)
    if change:
        desk.advance(options.model, change)
    for event in desk.history(options.model):
        print(line(event))
    print(f"{options.model}: {standing(desk.read(options.model), time.time_ns())}")


def refuse_unknown(desk: Desk, model: str) -> None:
    """A hold of a name that was mistyped would hold nothing, and nobody would know.

    Raises:
        MlflowException: there is neither a loop nor a registered model of this name.
    """
    if desk.read(model).revision == 0:
        MlflowClient().get_registered_model(model)


def line(event: Event) -> str:
    """One change: when it was written, the newest bar by then, and why."""
    at, bar = (
        pd.Timestamp(each, tz="UTC").isoformat(timespec="seconds") for each in (event.at, event.bar)
    )
    return f"{at}  bar {bar}  {event.phase}{' !' if event.loud else ''}  {event.note}"


def standing(kept: Kept, now: int) -> str:
    """Where a loop stands, and who works on it."""
    state = kept.state
    said = [f"phase {state.phase}", f"{state.trigger} retrainings triggered"]
    if state.under_way:
        held = kept.worker and now < kept.lease_until
        said.append(f"in the hands of {kept.worker}" if held else "nobody is at it")
    if state.alarms:
        said.append(f"{len(state.alarms)} alarms not acted on")
    if state.rejected:
        said.append(f"{state.rejected} challengers lost one after another")
    if state.held:
        said.append(f"held: {state.held}")
    return ", ".join(said)


if __name__ == "__main__":
    run(main)
