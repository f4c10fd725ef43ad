"""Desk: where a model's loop stands and how it came there; hold it back by hand, or release it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import mlflow
import pandas as pd

from flows.command_line import NONE, given, parse, run
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.retraining import Desk, Event, LoopState, hold, open_desk, release


@dataclass(frozen=True)
class DeskOptions:
    """Parameters of the entry point ``desk``.

    Attributes:
        model: name in the registry.
        hold: trigger nothing from now on, for this reason.
        release: end a hold, and close the circuit that rejected challengers have opened.
    """

    model: str = "sp500"
    hold: str = NONE
    release: bool = False

    def __post_init__(self) -> None:
        if given(self.hold) and self.release:
            raise InvalidConfig("hold and release contradict each other: pass one of them")


def main(arguments: Sequence[str]) -> None:
    """The entry point ``desk``."""
    (options,) = parse(arguments, DeskOptions)
    desk = open_desk(mlflow.get_tracking_uri())
    change(desk, options)
    for event in desk.history(options.model):
        print(line(event))
    print(f"{options.model}: {standing(desk.read(options.model).state)}")


def change(desk: Desk, options: DeskOptions) -> None:
    """Hold or release, if asked to.

    Raises:
        LoopOvertaken: the loop went on at the same moment; nothing was changed.
        InvalidConfig: a hold without a reason.
    """
    kept, why = desk.read(options.model), given(options.hold)
    if why is not None:
        desk.write(kept, hold(kept.state, why), time.time_ns())
    elif options.release:
        desk.write(kept, release(kept.state), time.time_ns())


def line(event: Event) -> str:
    """One change: when it was written, the newest bar by then, and why."""
    at, bar = (
        pd.Timestamp(each, tz="UTC").isoformat(timespec="seconds") for each in (event.at, event.bar)
    )
    return f"{at}  bar {bar}  {event.phase}{' !' if event.loud else ''}  {event.note}"


def standing(state: LoopState) -> str:
    """Where a loop stands."""
    said = [f"phase {state.phase}", f"{state.trigger} retrainings triggered"]
    if state.alarms:
        said.append(f"{len(state.alarms)} alarms not acted on")
    if state.rejected:
        said.append(f"{state.rejected} challengers lost one after another")
    if state.held:
        said.append(f"held: {state.held}")
    return ", ".join(said)


if __name__ == "__main__":
    run(main)
