"""Outcomes: what each strategy of a replay was worth, beside monthly retraining."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from flows.replayed_course import SCORE, Course, Get, said_by
from flows.replayed_events import EVENTS
from flows.replayed_history import History
from ordinis_mlflow.evaluation import Report, TestSpan, report, span_of

NEVER, MONTHLY, QUARTERLY = "never", "monthly", "quarterly"
EVIDENTLY, ORDINIS = "evidently", "ordinis"
SHOWN = {
    SCORE: "log score, nats",
    "qlike": "QLIKE (low is good)",
    "ic": "IC",
    "sharpe_annual": "Sharpe a year",
}
PAIRED = {
    SCORE: "log score, nats", "qlike": "QLIKE (low is good)", "rank_ic": "rank IC",
    "sharpe_annual": "Sharpe a year",
}  # fmt: skip
MONTH = np.timedelta64(31, "D")
QUARTER = np.timedelta64(92, "D")
MOST_RETRAINS = 0.2
"""Of those of monthly retraining."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a strategy did and was worth.

    Attributes:
        course: what it did.
        report: its scores, and their differences to monthly retraining's on the same rows.
        seconds: of processor time that its trainings take if it runs alone, the first with them.
    """

    course: Course
    report: Report
    seconds: float

    def metrics(self) -> dict[str, float]:
        """What it did, in numbers under stable names."""
        course = self.course
        return {
            "retrains": float(len(course.retrainings)),
            "promoted": float(len(course.promoted)),
            "rejected": float(len(course.rejected)),
            "checks": float(course.looks),
            "alarms": float(len(course.alarms)),
            "released": float(len(course.released)),
            "train_cpu_seconds": self.seconds,
        }


def judged_span(history: History) -> TestSpan:
    """What happened at the rows that are judged."""
    training, index = history.training, history.judged()
    options = training.options
    return span_of(training.prepared.rows, index, options.horizon, options.cost_bps)


def outcomes(
    history: History, courses: Sequence[Course], get: Get, samples: int, seed: int
) -> dict[str, Outcome]:
    """Of every strategy, by name; monthly retraining is among them.

    Args:
        history: that was replayed.
        courses: of the strategies.
        get: gives the model that was trained at a bar.
        samples: of the bootstrap.
        seed: of the bootstrap.
    """
    span = judged_span(history)
    said = {course.name: said_by(course, history, get) for course in courses}
    found = {}
    for course in courses:
        beside = [] if course.name == MONTHLY else [said[MONTHLY]]
        made = report(span, said[course.name], beside, samples, seed)
        trained = [history.start, *(each.at for each in course.retrainings)]
        found[course.name] = Outcome(course, made, sum(get(each).seconds for each in trained))
    return found


def figures(found: Mapping[str, Outcome]) -> dict[str, float]:
    """The figures of the project's table, under the names of its benchmarks."""
    ours, monthly, theirs = (found[name] for name in (ORDINIS, MONTHLY, EVIDENTLY))
    gain = ours.report.difference(SCORE, MONTHLY)
    return {
        "replay.log_score_above_monthly_nats": gain.value,
        "replay.log_score_above_monthly_nats_low": gain.interval.low,
        "replay.log_score_above_monthly_nats_high": gain.interval.high,
        "replay.retrains_over_monthly": _ratio(ours, monthly),
        "replay.evidently_retrains_over_monthly": _ratio(theirs, monthly),
        "replay.seconds_over_monthly": ours.seconds / monthly.seconds,
        "replay.alarm_share": len(ours.course.alarms) / ours.course.looks,
        "replay.evidently_alarm_share": len(theirs.course.alarms) / theirs.course.looks,
    }


def verdicts(found: Mapping[str, Outcome]) -> tuple[str, ...]:
    """Ours against monthly retraining, in sentences."""
    numbers = figures(found)
    gain = numbers["replay.log_score_above_monthly_nats"]
    low, high = (numbers[f"replay.log_score_above_monthly_nats_{end}"] for end in ("low", "high"))
    share = numbers["replay.retrains_over_monthly"]
    return (
        f"log score of {ORDINIS} above {MONTHLY}: {gain:+.4f} nats a decision, 95 % interval "
        f"[{low:+.4f}, {high:+.4f}]: {'no worse' if high >= 0.0 else 'WORSE'}",
        f"retrainings of {ORDINIS} over those of {MONTHLY}: {share:.3f}; at most "
        f"{MOST_RETRAINS:g}: {'met' if share <= MOST_RETRAINS else 'NOT MET'}",
    )


def strategies_table(found: Mapping[str, Outcome]) -> pd.DataFrame:
    """A row a strategy: what it did, and its scores with their intervals."""
    rows = []
    for name, each in found.items():
        numbers = each.metrics()
        row = {
            "strategy": name,
            "retrained": f"{numbers['retrains']:.0f}",
            "of them rejected": f"{numbers['rejected']:.0f}",
            "alarms of checks": f"{numbers['alarms']:.0f} of {numbers['checks']:.0f}",
            "training, CPU s": f"{each.seconds:.1f}",
        }
        rows.append(row | {title: _score(each, metric) for metric, title in SHOWN.items()})
    return pd.DataFrame(rows)


def paired_table(found: Mapping[str, Outcome]) -> pd.DataFrame:
    """A row a strategy: its scores less those of monthly retraining, resampled together."""
    rows = []
    for name, each in found.items():
        differences = {one.metric: one for one in each.report.differences}
        row = {"strategy": name}
        for metric, title in PAIRED.items():
            one = differences.get(metric)
            row[title] = _between(one.value, one.interval.low, one.interval.high) if one else "–"
        rows.append(row)
    return pd.DataFrame([row for row in rows if row["strategy"] != MONTHLY])


def retrainings_table(course: Course) -> pd.DataFrame:
    """A row a retraining."""
    columns = ["at", "cause", "outcome", "reason"]
    rows = [
        (_day(each.at), each.cause, "promoted" if each.promoted else "rejected", each.reason)
        for each in course.retrainings
    ]
    return pd.DataFrame(rows, columns=columns)


def episodes_table(found: Mapping[str, Outcome]) -> pd.DataFrame:
    """Alarms less than a month apart, as one row."""
    rows = [
        (name, _day(run[0]), _day(run[-1]), len(run))
        for name in (ORDINIS, EVIDENTLY)
        for run in _runs(np.array(found[name].course.alarms, dtype="datetime64[ns]"))
    ]
    return pd.DataFrame(rows, columns=["strategy", "first alarm", "last alarm", "alarms"])


def events_table(found: Mapping[str, Outcome], dates: np.ndarray) -> pd.DataFrame:
    """When each strategy's check found drift first, from a known event on and within a quarter."""
    known = {name: at for name, at in EVENTS.items() if dates[0] <= at <= dates[-1]}
    rows = [
        (_day(at), name, *(_next(found[who].course, at) for who in (ORDINIS, EVIDENTLY)))
        for name, at in known.items()
    ]
    columns = ["day", "event", f"next alarm, {ORDINIS}", f"next alarm, {EVIDENTLY}"]
    return pd.DataFrame(rows, columns=columns)


def _ratio(one: Outcome, other: Outcome) -> float:
    return len(one.course.retrainings) / max(len(other.course.retrainings), 1)


def _score(each: Outcome, metric: str) -> str:
    value, one = each.report.model.metrics.get(metric), each.report.intervals.get(metric)
    if value is None:
        return "–"
    return _between(value, one.low, one.high) if one else f"{value:+.4f}"


def _between(value: float, low: float, high: float) -> str:
    return f"{value:+.4f} [{low:+.4f}, {high:+.4f}]"


def _runs(alarms: np.ndarray) -> Iterator[np.ndarray]:
    if len(alarms):
        yield from np.split(alarms, np.flatnonzero(np.diff(alarms) > MONTH) + 1)


def _next(course: Course, at: np.datetime64) -> str:
    later = [each for each in course.alarms if at <= each <= at + QUARTER]
    return _day(later[0]) if later else "none within a quarter"


def _day(at: np.datetime64) -> str:
    return str(at)[:10]
