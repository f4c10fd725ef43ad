"""Monitor: one check of a registered model for drift, and what follows from it.

Cron-able: whoever runs it, how often and on how many machines, one trigger is one retraining. Exit
statuses are 0 but with ``exit_code=true``, as ``mlflow run`` marks a run FAILED whose command ends
otherwise; then they are

    0  no drift
    1  an error: nothing was checked, or what was triggered could not be carried out
    3  drift, or realised performance worse than it should be
    4  a retraining was triggered
    5  not judged: the data are broken or too few (and no drift was found in the others)
"""

import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import mlflow
import pandas as pd

from flows.command_line import NONE, given, parse, run
from flows.gated import gated_registry
from flows.monitor_runs import Charts, begin, judged, log_check, log_reports, not_judged
from flows.realised import figures, performance_verdicts, sentences
from flows.realised import told as told_performance
from flows.recent import Recent
from flows.retraining import Job, carry_out
from flows.said import say, tell
from flows.watched import RecentOptions, Watched, watched
from ordinis_mlflow.drift import DriftCheck
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.retraining import (
    Desk,
    Kept,
    LoopState,
    Observation,
    RetrainPolicy,
    Step,
    observe,
    open_desk,
)
from ordinis_mlflow.telemetry import ColumnDrift, DriftScores
from ordinis_mlflow.tracking import tracked_run

QUIET, ALARM, TRIGGERED, NOT_JUDGED = 0, 3, 4, 5


@dataclass(frozen=True)
class MonitorOptions(RecentOptions):
    """Parameters of the entry point ``monitor``, besides the policy of the loop.

    Attributes:
        model: name in the registry.
        alias: of the version that is watched: the one that trades, as the loop is the model's.
        html: log the reports as pages without an alarm too.
        scores: file for the model servers, which show it to Prometheus.
        act: carry out a retraining that is triggered, or was and is not done.
        exit_code: end with a status that says what was found.
    """

    model: str = "sp500"
    alias: str = "champion"
    html: bool = False
    scores: str = NONE
    act: bool = False
    exit_code: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        scores = given(self.scores)
        if scores and not Path(scores).absolute().parent.is_dir():
            raise InvalidConfig(f"scores are written to {scores}, whose folder does not exist")


@dataclass(frozen=True, eq=False)
class Monitored:
    """What a check found, and what follows.

    Attributes:
        run_id: of the check's run.
        check: a verdict a column.
        performance: whether realised performance was found worse than it should be.
        kept: where the loop stands now.
        triggered: whether it is this check that triggered a retraining.
    """

    run_id: str
    check: DriftCheck
    performance: bool
    kept: Kept
    triggered: bool

    @property
    def status(self) -> int:
        """Exit status."""
        if self.triggered:
            return TRIGGERED
        if not_judged(self.check):
            return NOT_JUDGED
        return ALARM if self.check.alarm or self.performance else QUIET


def main(arguments: Sequence[str]) -> None:
    """The entry point ``monitor``."""
    options, policy = parse(arguments, MonitorOptions, RetrainPolicy)
    found = monitor(options, policy)
    if options.exit_code and found.status:
        sys.exit(found.status)


def monitor(
    options: MonitorOptions,
    policy: RetrainPolicy,
    stop: threading.Event | None = None,
    reports: bool = True,
) -> Monitored:
    """Check once, log it, tell the loop, and carry out what follows if asked to.

    Args:
        options: of the check.
        policy: of the loop.
        stop: ends a retraining between two steps; by default nothing does.
        reports: whether Evidently makes them: they take most of the time of a check.

    Raises:
        InvalidConfig: the version has no drift reference, a source does not fit, or the database of
            the loop is not known.
        InvalidBars: the bars break a rule.
        MlflowException: there is no such version.
    """
    if options.act:
        gated_registry()  # refused before anything is looked at
    desk = open_desk(mlflow.get_tracking_uri())
    of = watched(options.model, options.alias)
    recent = options.recent(of)
    settings = {**asdict(options), **asdict(policy)}
    with tracked_run(settings, {"ordinis.entry_point": "monitor"}) as own:
        charts = begin(own, of, int(recent.times[-1]))
        check = checked(charts, of, recent, options, reports)
        worse = realised(charts, of, options)
        seen = Observation(recent.times, check.alarm, worse, of.known)
        kept, step, triggered = note(desk, options.model, seen, policy, not_judged(check))
        tell(options.model, step.note, step.state, step.loud)
        if options.act:
            kept = carry_out(desk, kept, job_of(options, policy, charts.own, check, stop))
        charts.log(standing(kept.state))
        return Monitored(charts.own, check, worse, kept, triggered)


def job_of(
    options: MonitorOptions,
    policy: RetrainPolicy,
    run_id: str,
    check: DriftCheck,
    stop: threading.Event | None,
) -> Job:
    """With what a retraining is done that a check led to, nested under the check's run."""
    tags = {"ordinis.model": options.model, "ordinis.drifted": ", ".join(check.drifted)[:5000]}
    return Job(options, policy, run_id, options.alias, tags, stop or threading.Event())


def checked(
    charts: Charts, of: Watched, recent: Recent, options: MonitorOptions, reports: bool
) -> DriftCheck:
    """The check, logged and told on the screen."""
    check = of.reference.check(recent.table.values, recent.table.columns)
    log_check(charts, check)
    say(told(of, check, charts.bar), loud=not_judged(check))
    if reports:
        log_reports(of.reference, check, recent.table, options.html)
    write_scores(given(options.scores), of, check)
    return check


def realised(charts: Charts, of: Watched, options: MonitorOptions) -> bool:
    """Whether what became of its predictions is worse than it should be; logged and told."""
    found = performance_verdicts(of, options)
    mlflow.set_tags(sentences(found))
    charts.log(figures(found))
    say(f"  realised performance: {told_performance(found)}", loud=False)
    return found.alarm


def note(
    desk: Desk, model: str, seen: Observation, policy: RetrainPolicy, unjudged: bool = False
) -> tuple[Kept, Step, bool]:
    """Tell the loop what was seen; where drift was not judged, only what triggers all the same.

    Returns:
        Where it stands now, what it said, and whether this has triggered a retraining.
    """

    def follow(state: LoopState) -> Step:
        step = observe(state, seen, policy)
        if unjudged and step.state.trigger == state.trigger:
            return Step(state, "drift was not judged: the loop stays where it is", step.loud)
        return step

    before, kept, step = desk.advance(model, follow)
    return kept, step, step.state.trigger > before.state.trigger


def standing(state: LoopState) -> dict[str, float]:
    """Metrics of a loop."""
    return {"loop_triggers": state.trigger, "loop_challengers_lost_in_a_row": state.rejected}


def told(of: Watched, check: DriftCheck, bar: int) -> str:
    """What was found, in a line, and then which columns drifted and why others were not judged."""
    at = pd.Timestamp(bar, tz="UTC").isoformat()
    lines = [
        f"{of.name} version {of.version}, bar {at}: {len(check.drifted)} of "
        f"{len(check.verdicts)} columns drifted, {len(check.unjudged)} were not judged"
    ]
    faults: dict[str, list[str]] = {}
    for verdict in check.verdicts:
        column = verdict.name.removeprefix("drift_")
        if column in check.drifted:
            lines.append(f"  {column}: distance {verdict.observed:.3g}, limit {verdict.limit:.3g}")
        elif not verdict.passed:
            faults.setdefault(verdict.reason, []).append(column)
    return "\n".join(lines + [f"  {', '.join(names)}: {why}" for why, names in faults.items()])


def write_scores(path: str | None, of: Watched, check: DriftCheck) -> None:
    """For the model servers; not where nothing was judged, so that the old ones grow old."""
    if path is None or not_judged(check):
        return
    columns = tuple(
        ColumnDrift(verdict.name.removeprefix("drift_"), verdict.observed, verdict.limit)
        for verdict in judged(check)
        if verdict.limit > 0  # of a column that is constant there is nothing to draw
    )
    now = pd.Timestamp.now(tz="UTC")
    DriftScores(of.name, of.version, now, columns, check.alarm).write(path)


if __name__ == "__main__":
    run(main)
