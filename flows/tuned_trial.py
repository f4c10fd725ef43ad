"""A trial as a child run: its configuration, its scores by fold, how long it took, its study."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from flows.tuned_objective import METRICS, Scored
from ordinis_mlflow.params import Configuration
from ordinis_mlflow.tracking import Judged
from ordinis_mlflow.tracking.trials import TRIAL
from ordinis_mlflow.tuning import Objective, Outcome, Pruned, Report, Suggestion

STUDY, NUMBER, STATE, REASON = (
    f"ordinis.study{suffix}" for suffix in ("", ".trial", ".state", ".reason")
)
"""Tags: name of the study, number in it, what became of the trial, and why it failed."""
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
        with self._run(suggestion) as run_id:
            began = time.perf_counter()
            scored = self._objective(suggestion.configuration, report)
            self._log(run_id, metrics_of(scored, time.perf_counter() - began))
            self._end(run_id, *(("KILLED", "pruned") if scored.pruned else ("FINISHED", "done")))
        if scored.pruned:
            return Pruned()
        return {each.name: scored.mean(METRICS[each.name]) for each in self._objectives}

    @contextmanager
    def _run(self, suggestion: Suggestion) -> Iterator[str]:
        """A child run that always ends."""
        tags = self._sheet.tags(suggestion)
        run_id = self._client.create_run(self._sheet.experiment_id, tags=tags).info.run_id
        said = [Param(name, str(value)) for name, value in suggestion.configuration.items()]
        try:
            self._client.log_batch(run_id, params=said)
            yield run_id
        except Exception as error:
            self._client.set_tag(run_id, REASON, f"{type(error).__name__}: {error}"[:5000])
            self._end(run_id, "FAILED", "failed")
            raise
        except BaseException:
            self._end(run_id, "KILLED", "interrupted")
            raise

    def _log(self, run_id: str, metrics: Mapping[str, float]) -> None:
        now = int(time.time() * 1000)
        entities = [Metric(name, value, now, 0) for name, value in metrics.items()]
        self._client.log_batch(run_id, metrics=entities)

    def _end(self, run_id: str, status: str, state: str) -> None:
        self._client.set_tag(run_id, STATE, state)
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
