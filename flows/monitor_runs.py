"""The runs of a monitor: one a check, and above those of a version one that keeps the series.

Checks are charted over time where their numbers are in one run: each check writes them to its own
and, at the time of the bar, to its version's. That run is found by a tag, and ended after each
check, so that none is left RUNNING; whoever looks at a version opens it.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import LoggedModelInput, Metric, Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from flows.watched import Watched
from ordinis_mlflow.drift import DriftCheck, DriftReference, DriftTable
from ordinis_mlflow.drift.report import calibrated_report, raw_report
from ordinis_mlflow.verdict import Verdict

SERIES = "ordinis.monitor_of"
"""Tag of the run that keeps a version's series: name and version, quoted as in a URL."""
MINUTE = 60_000_000_000
BATCH = 1000
"""Most metrics that MLflow takes at once."""


@dataclass(frozen=True)
class Charts:
    """Where the figures of a check are written, at the time of its bar.

    Attributes:
        own: run of the check.
        series: run that keeps the version's.
        bar: newest, UTC nanoseconds.
    """

    own: str
    series: str
    bar: int

    def log(self, figures: Mapping[str, float]) -> None:
        """Metrics by name, to both runs."""
        client, time, step = MlflowClient(), self.bar // 1_000_000, self.bar // MINUTE
        metrics = [Metric(name, float(value), time, step) for name, value in figures.items()]
        for run_id in (self.own, self.series):
            for at in range(0, len(metrics), BATCH):
                client.log_batch(run_id, metrics=metrics[at : at + BATCH])


def begin(own: Run, of: Watched, bar: int) -> Charts:
    """Link a check's run to the version that it looks at, below the one that keeps its series.

    Args:
        own: run of the check; active.
        of: the version.
        bar: newest, UTC nanoseconds.
    """
    series = series_run(own.info.experiment_id, of)
    name = f"{of.name} {of.version} at {pd.Timestamp(bar, tz='UTC'):%Y-%m-%d %H:%M}"
    mlflow.set_tags({MLFLOW_PARENT_RUN_ID: series, MLFLOW_RUN_NAME: name, **link(of)})
    if of.model_id:
        MlflowClient().log_inputs(own.info.run_id, models=[LoggedModelInput(of.model_id)])
    return Charts(own.info.run_id, series, bar)


def log_check(charts: Charts, check: DriftCheck) -> None:
    """What was measured to the check's run and the series, with every verdict's reason."""
    mlflow.set_tags(found(check, charts.bar))
    charts.log(measured(check))
    mlflow.log_text(verdicts_json(check), "drift/verdicts.json")


def found(check: DriftCheck, bar: int) -> dict[str, str]:
    """Tags that say what a check found."""
    return {
        "ordinis.bar": pd.Timestamp(bar, tz="UTC").isoformat(),
        "ordinis.drift": "not judged" if not_judged(check) else str(check.alarm).lower(),
        "ordinis.drifted": ", ".join(check.drifted)[:5000],
        "ordinis.unjudged": ", ".join(check.unjudged)[:5000],
    }


def link(of: Watched) -> dict[str, str]:
    """Tags that lead to a version and to the run that it came from."""
    return {
        "ordinis.model": of.name,
        "ordinis.model_version": of.version,
        "ordinis.trained_by": of.trained_by,
    }


def series_run(experiment_id: str, of: Watched) -> str:
    """The run that keeps a version's series; of several, made at the same time, the first."""
    client = MlflowClient()
    mark = f"{quote(of.name, safe='')}/{of.version}"
    found = client.search_runs(
        [experiment_id], f"tags.`{SERIES}` = '{mark}'", order_by=["attributes.start_time ASC"]
    )
    tags = {SERIES: mark, MLFLOW_RUN_NAME: f"monitor {of.name} {of.version}", **link(of)}
    run = found[0] if found else client.create_run(experiment_id, tags=tags)
    client.set_terminated(run.info.run_id)
    return str(run.info.run_id)


def not_judged(check: DriftCheck) -> bool:
    """Whether nothing can be said: no column drifted, and some were not judged."""
    return not check.alarm and not check.judged


def judged(check: DriftCheck) -> list[Verdict]:
    """The verdicts of columns that were judged."""
    unjudged = {f"drift_{name}" for name in check.unjudged}
    return [verdict for verdict in check.verdicts if verdict.name not in unjudged]


def measured(check: DriftCheck) -> dict[str, float]:
    """Metrics of a check; of a column that was not judged, none."""
    made: dict[str, float] = {
        "alarm": check.alarm,
        "drifted_columns": len(check.drifted),
        "unjudged_columns": len(check.unjudged),
    }
    for verdict in judged(check):
        column = verdict.name.removeprefix("drift_")
        made[f"drift_distance/{column}"] = verdict.observed
        made[f"drift_limit/{column}"] = verdict.limit
        made[f"drifted/{column}"] = not verdict.passed
    return made


def verdicts_json(check: DriftCheck) -> str:
    """Every verdict with its reason; what was not measured is null."""
    rows = [
        {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in vars(verdict).items()
        }
        for verdict in check.verdicts
    ]
    return json.dumps(rows, indent=2, allow_nan=False) + "\n"


def log_reports(
    reference: DriftReference, check: DriftCheck, table: DriftTable, html: bool
) -> None:
    """Evidently's report as JSON; on an alarm, or if asked for, as pages with the raw columns.

    A page has 4 to 5 MB: at every check it would be 2 GB a year.
    """
    if not judged(check):
        return
    report = calibrated_report(reference, check, table)
    mlflow.log_text(report.json(), "drift/report.json")
    if html or check.alarm:
        mlflow.log_text(report.html(), "drift/report.html")
        mlflow.log_text(raw_report(reference, check, table).html(), "drift/raw_columns.html")
