"""The runs of a trigger: found again by a tag, on whichever machine and after whatever crash."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelStatus, Run, RunStatus
from mlflow.entities.model_registry import ModelVersion
from mlflow.utils.mlflow_tags import (
    MLFLOW_PARENT_RUN_ID,
    MLFLOW_PROJECT_ENTRY_POINT,
    MLFLOW_RUN_NAME,
)

from ordinis_mlflow.retraining import LoopState

TRIGGER = "ordinis.trigger"
SNAPSHOT = "ordinis.snapshot"
"""A run that has it has its settings too, and can be gone on from."""


@dataclass(frozen=True)
class Trigger:
    """What a retraining is known by.

    Attributes:
        model: name in the registry.
        number: of the trigger.
        bar: that was seen then, UTC nanoseconds. A loop whose database was lost counts from 1
            again, and must not take what came of an older trigger for its own.
    """

    model: str
    number: int
    bar: int

    @classmethod
    def of(cls, model: str, state: LoopState) -> "Trigger":
        """That which a loop has come to last."""
        return cls(model, state.trigger, state.triggered)

    def __str__(self) -> str:
        bar = pd.Timestamp(self.bar, tz="UTC").isoformat()
        return f"{quote(self.model, safe='')}:{self.number}@{bar}"


def attempts(trigger: Trigger) -> list[Run]:
    """What was begun for it, oldest first; in whichever experiment."""
    return _search(f"tags.`{TRIGGER}` = '{trigger}'")


def trainings(begun: Sequence[Run]) -> list[Run]:
    """The attempts and what is nested in them, oldest first: to go on takes a run in a run."""
    found = list(begun)
    for each in begun:
        found += _search(f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{each.info.run_id}'")
    return sorted(found, key=lambda each: each.info.start_time)


def begin(trigger: Trigger, experiment_id: str, tags: Mapping[str, str]) -> str:
    """A run of it, found from its first moment on; its id."""
    named = {
        TRIGGER: str(trigger),
        MLFLOW_RUN_NAME: f"retraining {trigger.number} of {trigger.model}",
        MLFLOW_PROJECT_ENTRY_POINT: "train",
    }
    return str(MlflowClient().create_run(experiment_id, tags={**tags, **named}).info.run_id)


def end_running(runs: Sequence[Run]) -> None:
    """Whoever has the lease ends what the dead have left RUNNING."""
    client = MlflowClient()
    for each in runs:
        if not RunStatus.is_terminated(RunStatus.from_string(each.info.status)):
            client.set_terminated(each.info.run_id, "KILLED")


def to_go_on_from(runs: Sequence[Run]) -> str | None:
    """The newest training that has come so far that it can be continued; its id."""
    recorded = [each.info.run_id for each in runs if SNAPSHOT in each.data.tags]
    return recorded[-1] if recorded else None


def trained_model(runs: Sequence[Run]) -> LoggedModel | None:
    """The model of a training that has finished; of several the first."""
    for each in runs:
        if each.info.status == RunStatus.to_string(RunStatus.FINISHED):
            query = f"source_run_id = '{each.info.run_id}'"
            for made in MlflowClient().search_logged_models([each.info.experiment_id], query):
                if made.status == LoggedModelStatus.READY:
                    return made
    return None


def challenger(trigger: Trigger, runs: Sequence[Run]) -> ModelVersion | None:
    """The version that was registered for it: a version tells the run that it came from."""
    for each in runs:
        found = MlflowClient().search_model_versions(f"run_id = '{each.info.run_id}'")
        for version in found:
            if version.name == trigger.model:
                return version
    return None


def register(trigger: Trigger, made: LoggedModel) -> ModelVersion:
    """A version without an alias: whether it trades, the gates say."""
    return mlflow.register_model(
        f"models:/{made.model_id}", trigger.model, tags={TRIGGER: str(trigger)}
    )


def _search(query: str) -> list[Run]:
    found: list[Run] = mlflow.search_runs(
        filter_string=query,
        search_all_experiments=True,
        order_by=["attributes.start_time ASC"],
        output_format="list",
    )
    return found
