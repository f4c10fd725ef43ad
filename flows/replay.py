"""Replay: the retraining policy through history as if live, bar by bar, beside other strategies.

Five strategies start with the same model, trained on everything before ``begin``: never retrain,
monthly, quarterly, on Evidently's default alarm, and the loop of the entry point ``monitor``.
Models are shared between them by the bar at which they were trained. A replay that was killed goes
on with ``-P resume=<run id>``: what is trained is not trained again.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from flows.command_line import NONE, given, parse, run
from flows.options import TrainOptions
from flows.replayed_course import Course, Match, Trigger, calendar, triggered
from flows.replayed_fits import Fits, fits_of
from flows.replayed_history import History
from flows.replayed_log import log_replay, summary
from flows.replayed_outcome import (
    EVIDENTLY,
    MONTHLY,
    NEVER,
    ORDINIS,
    QUARTERLY,
    Outcome,
    judged_span,
    outcomes,
)
from flows.replayed_triggers import LoopTrigger, PresetTrigger
from flows.resumed_run import refuse_register, resumed_run
from flows.training import load, record, settings_of
from ordinis_mlflow.bars import instant
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.retraining import RetrainPolicy
from ordinis_mlflow.tracking import declare


@dataclass(frozen=True)
class ReplayOptions:
    """Parameters of the entry point ``replay``, besides those of ``train`` and of the policy.

    Attributes:
        begin: the first models are trained on what is before it; what comes from then on is judged.
        end: nothing after it is judged; the last bar by default.
        check_every: bars from one check for drift to the next.
        margin: nats a decision that a challenger may lose against the model in force.
        release_bars: after so many bars somebody closes a circuit that rejected challengers opened.
        workers: processes; 0 for one a core.
        samples: of the bootstrap.
    """

    begin: str = "2003-01-01T00:00:00Z"
    end: str = NONE
    check_every: int = 5
    margin: float = 0.01
    release_bars: int = 21
    workers: int = 0
    samples: int = 1000

    def __post_init__(self) -> None:
        instant(self.begin, "begin")
        if given(self.end):
            instant(self.end, "end")
        if self.check_every < 1 or self.release_bars < 1 or self.workers < 0:
            raise InvalidConfig(
                "check_every and release_bars must be 1 or more, workers 0 or more, got "
                f"{self.check_every}, {self.release_bars}, {self.workers}"
            )
        if not 0.0 <= self.margin < float("inf"):
            raise InvalidConfig(f"margin must be a number of at least 0, got {self.margin}")


def main(arguments: Sequence[str]) -> None:
    """The entry point ``replay``."""
    options, config, how, policy = parse(
        arguments, TrainOptions, LSTMConfig, ReplayOptions, RetrainPolicy
    )
    replay(options, config, how, policy)


def replay(
    options: TrainOptions, config: LSTMConfig, how: ReplayOptions, policy: RetrainPolicy
) -> dict[str, Outcome]:
    """All strategies, by name, and what they were worth.

    Raises:
        InvalidConfig: a setting does not fit the bars, or contradicts the run that is resumed.
        InvalidDriftReference: too little is known before the begin.
    """
    refuse_register(options, "a replay")
    resumed = given(options.resume)
    if resumed:
        options, config = settings_of(resumed, options, config)
    training = load(options, config)
    history = History.between(training, how.begin, given(how.end))
    parameters = {**asdict(training.options), **asdict(config), **asdict(how), **asdict(policy)}
    with resumed_run(parameters, "replay", resumed) as run_id:
        return _replay(history, how, policy, run_id)


def _replay(
    history: History, how: ReplayOptions, policy: RetrainPolicy, run_id: str
) -> dict[str, Outcome]:
    """In the active run."""
    record(history.training)
    declare(judged_span(history), run_id)
    with fits_of(history, run_id, how.workers or os.cpu_count() or 1) as fits:
        courses = [*_calendars(history, fits), *_triggers(history, how, policy, fits)]
        found = outcomes(history, courses, fits.get, how.samples, history.training.config.seed)
    log_replay(history, found, run_id)
    print(summary(found))
    return found


def _calendars(history: History, fits: Fits) -> list[Course]:
    """Those whose trainings are known beforehand, and are done side by side."""
    months, quarters = (
        [each for each in history.ends_of(count) if each > history.start] for count in (1, 3)
    )
    fits.prepare([history.start, *dict.fromkeys([*months, *quarters])])
    return [calendar(NEVER, []), calendar(MONTHLY, months), calendar(QUARTERLY, quarters)]


def _triggers(
    history: History, how: ReplayOptions, policy: RetrainPolicy, fits: Fits
) -> list[Course]:
    """Those of which each training depends on the one before: a strategy beside the other."""
    asked: dict[str, Trigger] = {
        EVIDENTLY: PresetTrigger(history, policy.cooldown_bars),
        ORDINIS: LoopTrigger(history, policy, how.release_bars),
    }
    checks = tuple(history.checks(how.check_every))
    match = Match(history, how.margin, how.samples, history.training.config.seed)
    with ThreadPoolExecutor(len(asked)) as threads:
        courses = [
            threads.submit(triggered, name, trigger, checks, fits.get, match)
            for name, trigger in asked.items()
        ]
        return [course.result() for course in courses]


if __name__ == "__main__":
    run(main)
