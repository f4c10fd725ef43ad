"""Loop: checks a model at intervals and carries out what follows, until told to stop.

One line a round. An error ends its round and not the loop, whose pauses then grow. SIGTERM and
SIGINT end it between two steps; a training in the middle is ended, and gone on with by the next.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from types import FrameType

import mlflow

from flows.command_line import parse, run
from flows.gated import gated_registry
from flows.monitor import MonitorOptions, monitor
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.retraining import RetrainPolicy, open_desk
from ordinis_mlflow.tracking import tracked_run

LONGEST_PAUSE_S = 86_400.0


@dataclass(frozen=True)
class LoopOptions(MonitorOptions):
    """Parameters of the entry point ``loop``, besides the policy.

    Attributes:
        interval: seconds from the end of a round to the next.
        rounds: after which it ends; 0 for never.
    """

    act: bool = True
    interval: float = 3600.0
    rounds: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.exit_code:
            raise InvalidConfig("exit_code is of a single check: run the entry point monitor")
        if not 0 < self.interval <= LONGEST_PAUSE_S or self.rounds < 0:
            raise InvalidConfig(
                "interval must be above 0 and at most a day, in seconds, and rounds 0 or more, "
                f"got {self.interval} and {self.rounds}"
            )


def main(arguments: Sequence[str]) -> None:
    """The entry point ``loop``."""
    options, policy = parse(arguments, LoopOptions, RetrainPolicy)
    if options.act:
        gated_registry()
    settings = {**asdict(options), **asdict(policy)}
    with tracked_run(settings, {"ordinis.entry_point": "loop"}), stopped_by_signals() as stop:
        failed = loop(lambda: a_round(options, policy, stop), options, stop)
        mlflow.log_metric("failed_rounds", failed)


def loop(once: Callable[[], str], options: LoopOptions, stop: threading.Event) -> int:
    """Rounds and pauses; how many rounds failed.

    Args:
        once: a round; what it has to say.
        options: interval and number.
        stop: ends it, also in a pause.
    """
    failed = row = number = 0
    # In a thread of its own: what a round calls then leaves the signals to the loop.
    with ThreadPoolExecutor(1, thread_name_prefix="round") as worker:
        while not stop.is_set():
            number += 1
            began = time.monotonic()
            try:
                said, row = worker.submit(once).result(), 0
            except Exception as error:  # whatever it was: the next round comes
                failed, row = failed + 1, row + 1
                said = f"FAILED ({failed} so far): {type(error).__name__}: {_line(error)}"
            print(f"round {number}, {time.monotonic() - began:.1f} s: {said}", flush=True)
            if number == options.rounds:
                break
            stop.wait(pause(options.interval, row))
    return failed


def pause(interval: float, failures: int) -> float:
    """Seconds to the next round: twice as long after each failure in a row, a day at most.

    Example:
        >>> pause(60, 0), pause(60, 3), pause(3600, 99)
        (60, 480, 86400.0)
    """
    return min(interval * 2 ** min(failures, 32), LONGEST_PAUSE_S)


def a_round(options: LoopOptions, policy: RetrainPolicy, stop: threading.Event) -> str:
    """A check, and what follows from it; in a line."""
    asked = {each.name: getattr(options, each.name) for each in fields(MonitorOptions)}
    kept = monitor(MonitorOptions(**asked), policy, stop).kept
    history = open_desk(mlflow.get_tracking_uri()).history(options.model)
    note = history[-1].note if history else "nothing was noted yet"
    return f"{options.model} {kept.state.phase}: {note}"


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """Set by SIGTERM or SIGINT."""
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {each: signal.signal(each, end) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:500]


if __name__ == "__main__":
    run(main)
