"""A trial as a child run: its configuration, its scores by fold, how long it took, its study."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from flows.tuned_objective import METRICS, Scored
from ordinis_mlflow.params import Configuration
from ordinis_mlflow.tracking import Judged
from ordinis_mlflow.tracking.trials import TRIAL
from ordinis_mlflow.tuning import Objective, Outcome, Pruned, Report, Suggestion

STUDY, NUMBER, CONFIGURATION, STATE, REASON = (
    f"ordinis.study{suffix}" for suffix in ("", ".trial", ".configuration", ".state", ".reason")
)
"""Tags: name of the study, number in it, what is tried, what became of it, and why it failed."""
MeasureFolds: TypeAlias = Callable[[Configuration, Report], Scored]


@dataclass(frozen=True)
class Sheet:
    """Where trials are written down.

    Attributes:
        experiment_id: of the runs.
        parent: run of the study.
        study: its name.
        judged: the test span that the best one is judged on: trials count as attempts at it,
            though none reads it, for choosing among them is what overfits.
    """

    experiment_id: str
    parent: str
    study: str
    judged: Judged

    def tags(self, suggestion: Suggestion) -> dict[str, str]:
        """Of a trial; a retry is the same attempt as what it tries again."""
        first = suggestion.number if suggestion.retry_of is None else suggestion.retry_of
        return {
            MLFLOW_PARENT_RUN_ID: self.parent,
            MLFLOW_RUN_NAME: f"trial {suggestion.number}",
            STUDY: self.study,
            NUMBER: str(suggestion.number),
            CONFIGURATION: suggestion.configuration.to_json(),  # parameters follow when it ends
            **self.judged.tags(),
            TRIAL: f"{self.study}/{first}",
        }


class TrackedObjective:
    """Measures a suggestion in a child run, as ``run_trials`` asks for it.

    Args:
        objective: what a configuration is worth.
        objectives: whose values the study observes.
        sheet: where trials are written down.
    """

    def __init__(
        self, objective: MeasureFolds, objectives: tuple[Objective, ...], sheet: Sheet
    ) -> None:
        self._objective, self._objectives, self._sheet = objective, objectives, sheet
        self._client = MlflowClient()

    def __call__(self, suggestion: Suggestion, report: Report) -> Outcome:
        """Measure; the child run ends FINISHED, KILLED if pruned or interrupted, or FAILED."""
        tags = self._sheet.tags(suggestion)
        run_id = self._client.create_run(self._sheet.experiment_id, tags=tags).info.run_id
        end = partial(self._end, run_id, suggestion.configuration)
        began = time.perf_counter()
        try:
            scored = self._objective(suggestion.configuration, report)
        except Exception as error:
            end("FAILED", {STATE: "failed", REASON: f"{type(error).__name__}: {error}"[:5000]})
            raise
        except BaseException:
            end("KILLED", {STATE: "interrupted"})
            raise
        metrics = metrics_of(scored, time.perf_counter() - began)
        if scored.pruned:
            end("KILLED", {STATE: "pruned"}, metrics)
            return Pruned()
        end("FINISHED", {STATE: "done"}, metrics)
        return {each.name: scored.mean(METRICS[each.name]) for each in self._objectives}

    def _end(
        self,
        run_id: str,
        configuration: Configuration,
        status: str,
        tags: Mapping[str, str],
        metrics: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        """All in one call: each costs a transaction of the tracking database."""
        now = int(time.time() * 1000)
        self._client.log_batch(
            run_id,
            [Metric(name, value, now, 0) for name, value in metrics.items()],
            [Param(name, str(value)) for name, value in configuration.items()],
            [RunTag(name, value) for name, value in tags.items()],
        )
        self._client.set_terminated(run_id, status)


def metrics_of(scored: Scored, seconds: float) -> dict[str, float]:
    """Of a child run: each metric of each fold, and its mean if all folds were finished."""
    metrics = {"trial/seconds": seconds, "trial/folds": float(len(scored.folds))}
    for number, fold in enumerate(scored.folds):
        metrics |= {f"fold_{number}/{name}": value for name, value in fold.items()}
    if not scored.pruned:
        metrics |= {name: scored.mean(name) for name in scored.folds[0]}
    return metrics


def end_orphans(parent: str) -> None:
    """Child runs of workers that were killed: they could not end them."""
    client = MlflowClient()
    experiment = client.get_run(parent).info.experiment_id
    wanted = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}' and attributes.status = 'RUNNING'"
    for child in mlflow.search_runs([experiment], wanted, output_format="list"):
        client.set_tag(child.info.run_id, STATE, "its worker died")
        client.set_terminated(child.info.run_id, "KILLED")
