"""Courses: which model a strategy has in force at each bar of a replay, and why.

A calendar trains at the end of every so many months, and its model takes over without being asked
what it is worth. A trigger looks every few bars; what it has trained meets the model in force on
rows that neither was fitted by, and takes over if it is not worse: as live, knowing only the past.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from flows.replayed_fit import Fitted
from flows.replayed_history import History
from ordinis_mlflow.evaluation import report, span_of
from ordinis_mlflow.prediction import Prediction

SCORE = "log_score_nats"
CHAMPION, CHALLENGER = "champion", "challenger"
Get = Callable[[np.datetime64], Fitted]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Retraining:
    """One training after the first.

    Attributes:
        at: the bar.
        cause: ``calendar``, or what triggered.
        promoted: whether the model took over.
        reason: why, or why not.
    """

    at: np.datetime64
    cause: str
    promoted: bool
    reason: str


@dataclass(frozen=True)
class Course:
    """What one strategy did.

    Attributes:
        name: of the strategy.
        retrainings: oldest first.
        looks: how many checks there were.
        alarms: bars at which a check found drift.
        released: bars at which an operator closed the circuit again.
    """

    name: str
    retrainings: tuple[Retraining, ...] = ()
    looks: int = 0
    alarms: tuple[np.datetime64, ...] = ()
    released: tuple[np.datetime64, ...] = ()

    @property
    def promoted(self) -> tuple[np.datetime64, ...]:
        """Bars at which another model took over."""
        return tuple(each.at for each in self.retrainings if each.promoted)

    @property
    def rejected(self) -> tuple[np.datetime64, ...]:
        """Bars at which one was trained in vain."""
        return tuple(each.at for each in self.retrainings if not each.promoted)


class Trigger(Protocol):
    """What asks for a retraining."""

    @property
    def released(self) -> tuple[np.datetime64, ...]:
        """Bars at which somebody had to intervene."""

    def look(self, champion: Fitted, now: np.datetime64) -> tuple[bool, str]:
        """Check at a bar: whether there is drift, and the cause of a retraining, "" for none."""

    def ended(self, promoted: bool, reason: str) -> None:
        """The retraining that it asked for is over."""


@dataclass(frozen=True)
class Match:
    """How a challenger meets the champion: as at the gate ``performance``.

    Attributes:
        history: that is replayed.
        margin: nats a decision that the lower end of the interval may be below zero.
        samples: of the bootstrap.
        seed: of the bootstrap.
    """

    history: History
    margin: float
    samples: int
    seed: int

    def decide(self, champion: Fitted, challenger: Fitted) -> tuple[bool, str]:
        """Whether the challenger takes over, and why; on its own test part."""
        training, test = self.history.training, challenger.split.test
        unseen = test[self.history.times(test) >= champion.split.test_start]
        forecast = training.forecast
        span = span_of(training.prepared.rows, unseen, forecast.horizon, training.options.cost_bps)
        said, rival = (
            model.prediction(name, unseen, forecast.degrees_of_freedom)
            for name, model in ((CHALLENGER, challenger), (CHAMPION, champion))
        )
        made = report(span, said, [rival], self.samples, self.seed)
        gain = made.difference(SCORE, CHAMPION)
        low, high = gain.interval.low, gain.interval.high
        return low >= -self.margin, (
            f"log score {gain.value:+.4f} nats a decision against the champion, 95 % interval "
            f"[{low:+.4f}, {high:+.4f}], on {len(span.dates)} dates from "
            f"{str(span.dates[0])[:10]} on; the lower end must be at least {-self.margin:g}"
        )


def calendar(name: str, at: Iterable[np.datetime64]) -> Course:
    """Trained at these bars, whatever happens."""
    reason = "promoted without being compared"
    return Course(name, tuple(Retraining(each, "calendar", True, reason) for each in at))


def triggered(
    name: str,
    trigger: Trigger,
    checks: Sequence[np.datetime64],
    get: Get,
    match: Match,
) -> Course:
    """Check bar by bar; what is looked at later knows nothing of what was not there yet.

    Args:
        name: of the strategy.
        trigger: that is asked at each check.
        checks: bars, ascending.
        get: gives the model that is trained at a bar.
        match: decides between a challenger and the model in force.
    """
    champion = get(match.history.start)
    retrainings: list[Retraining] = []
    alarms: list[np.datetime64] = []
    for now in checks:
        alarm, cause = trigger.look(champion, now)
        if alarm:
            alarms.append(now)
        if cause:
            challenger = get(now)
            promoted, reason = match.decide(champion, challenger)
            trigger.ended(promoted, reason)
            retrainings.append(Retraining(now, cause, promoted, reason))
            champion = challenger if promoted else champion
    return Course(name, tuple(retrainings), len(checks), tuple(alarms), trigger.released)


def said_by(course: Course, history: History, get: Get) -> Prediction:
    """What the strategy said of every row that is judged, each by the model in force then."""
    index = history.judged()
    times = history.times(index)
    known = np.array([history.start, *course.promoted])
    # A model that was trained at a bar speaks from the next one on.
    model = np.searchsorted(known, times, side="left") - 1
    freedom = history.training.forecast.degrees_of_freedom
    positions = [np.flatnonzero(model == number) for number in range(len(known))]
    parts = [
        get(each).prediction(course.name, index[at], freedom)
        for each, at in zip(known, positions, strict=True)
    ]
    joined = Prediction.concatenate(parts)
    order = np.argsort(np.concatenate(positions))
    columns = (getattr(joined, column)[order] for column in Prediction.columns())
    return Prediction(course.name, *columns)
