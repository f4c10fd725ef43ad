"""Course: what a monitor found at each check of a crisis, and what came of what it triggered."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import mlflow
import numpy as np

from flows.gated import decisions
from flows.monitor import Monitored
from ordinis_mlflow.retraining import LoopState, open_desk

PERFORMANCE = "performance"
"""The gate that compares with the champion."""


@dataclass(frozen=True)
class Retrained:
    """A retraining that was triggered.

    Attributes:
        number: of the trigger.
        cause: ``drift`` or ``performance``.
        challenger: version that came of it; "" for none.
        outcome: ``promoted``, ``rejected`` or ``failed``.
        reason: what decided.
    """

    number: int
    cause: str
    challenger: str
    outcome: str
    reason: str


@dataclass(frozen=True)
class Look:
    """One check.

    Attributes:
        bar: the newest that was known.
        version: that traded then.
        drifted: columns.
        worse: whether realised performance was found worse than it should be.
        retrained: what it triggered; None for nothing.
        run: of the check.
    """

    bar: np.datetime64
    version: str
    drifted: tuple[str, ...]
    worse: bool
    retrained: Retrained | None
    run: str


@dataclass(frozen=True)
class Episode:
    """Checks one after another that found drift from what one version knew.

    Attributes:
        version: that they looked at.
        first: bar.
        last: bar.
        alarms: how many.
        columns: that drifted at any of them, in order of appearance.
    """

    version: str
    first: np.datetime64
    last: np.datetime64
    alarms: int
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Course:
    """What happened to a model.

    Attributes:
        model: name in the registry.
        looks: oldest first, one at least.
        standing: version that trades at the end.
    """

    model: str
    looks: tuple[Look, ...]
    standing: str

    @property
    def alarms(self) -> tuple[Look, ...]:
        """Checks that found drift."""
        return tuple(each for each in self.looks if each.drifted)

    @property
    def retrained(self) -> tuple[tuple[np.datetime64, Retrained], ...]:
        """Retrainings, each with the bar at which it was triggered."""
        return tuple((each.bar, each.retrained) for each in self.looks if each.retrained)

    def episodes(self) -> Iterator[Episode]:
        """Alarms that no quiet check lies between."""
        for (alarm, version), group in groupby(
            self.looks, lambda each: (bool(each.drifted), each.version)
        ):
            if alarm:
                looks = list(group)
                columns = dict.fromkeys(name for each in looks for name in each.drifted)
                first, last = looks[0].bar, looks[-1].bar
                yield Episode(version, first, last, len(looks), tuple(columns))


def looked(model: str, bar: np.datetime64, version: str, found: Monitored) -> Look:
    """A check that is done, with what came of what it triggered."""
    came = retrained(model, found.kept.state) if found.triggered else None
    return Look(bar, version, found.check.drifted, found.performance, came, found.run_id)


def retrained(model: str, state: LoopState) -> Retrained:
    """What the registry's ledger says of the challenger; what the loop says where there is none."""
    made = next((each for each in decisions(model) if each.version == state.challenger), None)
    if made is None:
        note = open_desk(mlflow.get_tracking_uri()).history(model)[-1].note
        return Retrained(state.trigger, state.cause, state.challenger, "failed", note)
    failed = [str(each) for each in made.verdicts if not each.passed]
    against = [str(each) for each in made.verdicts if each.name == PERFORMANCE]
    reason = f"decision {made.number}, {'; '.join(failed or against) or 'every gate passed'}"
    outcome = "promoted" if made.promoted else "rejected"
    return Retrained(state.trigger, state.cause, state.challenger, outcome, reason)
