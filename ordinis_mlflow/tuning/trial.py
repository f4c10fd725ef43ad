"""Trial: what a study knows of one attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from optuna.trial import FrozenTrial, TrialState

from ordinis_mlflow.params import Configuration
from ordinis_mlflow.tuning.optimiser import Objective

CONFIGURATION, FAILURE, WORKER = "ordinis.configuration", "ordinis.failure", "ordinis.worker"
STATES: Mapping[TrialState, "State"] = {
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}
State = Literal["waiting", "running", "complete", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """One attempt at a configuration.

    Attributes:
        number: in its study.
        configuration: what was, or is, measured.
        state: ``waiting`` to be tried again, ``running``, ``complete``, ``pruned`` or ``failed``.
        values: by the objectives' names; empty unless complete.
        reports: value by step.
        started: when, in the local time of the worker; None while it waits.
        seconds: that it took; None unless it is finished.
        reason: why it failed; "" unless it did.
        retry_of: number of the first trial of this configuration, whose worker died.
    """

    number: int
    configuration: Configuration
    state: State
    values: Mapping[str, float]
    reports: Mapping[int, float]
    started: datetime | None
    seconds: float | None
    reason: str
    retry_of: int | None

    @classmethod
    def of(cls, trial: FrozenTrial, objectives: Sequence[Objective]) -> "Trial":
        """What Optuna kept of it."""
        state = STATES[trial.state]
        said = trial.values if state == "complete" else []
        names = [objective.name for objective in objectives][: len(said)]
        return cls(
            number=trial.number,
            configuration=Configuration.from_json(trial.user_attrs[CONFIGURATION]),
            state=state,
            values=dict(zip(names, said, strict=True)),
            reports=dict(trial.intermediate_values),
            started=trial.datetime_start,
            seconds=None if trial.duration is None else trial.duration.total_seconds(),
            reason=trial.user_attrs.get(FAILURE, "its worker died") if state == "failed" else "",
            retry_of=retry_of(trial),
        )


def retry_of(trial: FrozenTrial) -> int | None:
    """Number of the first trial of the same configuration, as Optuna's retry callback writes it."""
    return trial.system_attrs.get("failed_trial")
