"""What a replay logs: a run a strategy, and in the replay's own run all of them together."""

from collections.abc import Mapping

import mlflow
import numpy as np
import pandas as pd

from flows.replayed_events import EVENTS
from flows.replayed_fits import children
from flows.replayed_history import History
from flows.replayed_outcome import (
    EVIDENTLY,
    ORDINIS,
    Outcome,
    episodes_table,
    events_table,
    figures,
    paired_table,
    retrainings_table,
    strategies_table,
    verdicts,
)
from ordinis_mlflow.tracking import declare, log_report, report_metrics
from ordinis_mlflow.tracking.page import page
from ordinis_mlflow.tracking.timeline import Lane, timeline

STRATEGY = "ordinis.replay.strategy"
"""Tag of a strategy's run: its name."""
SUMMARY = "summary.html"
FIGURES = "replay.json"
EXPLAINED = (
    "Every strategy trains in the same way, and a model is in force from the bar after that at "
    "which it was trained. never: the first model alone. monthly, quarterly: trained at the end of "
    "each period, promoted without being compared. ordinis: the monitor's drift decision and the "
    "loop's state machine. evidently: the default decision of Evidently's DataDriftPreset on the "
    "raw features of the same window against the rows trained on, computed by a function that is "
    "tested to decide as Evidently 0.7.23 does; after a retraining it rests as long as ordinis "
    "does, without which it would retrain at nearly every check. The challengers of both meet the "
    "model in force on rows that neither was fitted by, and must not be worse by more than the "
    "margin. Seconds are processor time of the trainings, as if the strategy had run alone."
)


def log_replay(history: History, found: Mapping[str, Outcome], replay: str) -> None:
    """To the active run, which is the replay's, and to a run nested in it for each strategy.

    Args:
        history: that was replayed.
        found: the outcomes by name.
        replay: id of the active run.
    """
    earlier = {run.data.tags[STRATEGY]: run.info.run_id for run in children(replay, STRATEGY)}
    for name, outcome in found.items():
        with _run_of(name, earlier.get(name)) as run:
            _log_strategy(outcome, run.info.run_id)
    numbers = {f"{name}/{key}": v for name, each in found.items() for key, v in _all(each).items()}
    mlflow.log_metrics(numbers | {k.replace(".", "/"): v for k, v in figures(found).items()})
    mlflow.log_dict(figures(found), FIGURES)
    tables = tables_of(history, found)
    for title, table in tables.items():
        mlflow.log_text(table.to_csv(index=False), f"tables/{title.replace(' ', '_')}.csv")
    drawn = timeline(*_market(history), _lanes(found), EVENTS)
    mlflow.log_figure(drawn, "figures/timeline.png")
    shown = {"timeline of alarms and retrainings": drawn}
    mlflow.log_text(page(_title(history), _said(found), shown, tables), SUMMARY)


def tables_of(history: History, found: Mapping[str, Outcome]) -> dict[str, pd.DataFrame]:
    """What the summary shows, by heading."""
    return {
        "strategies": strategies_table(found),
        "less monthly": paired_table(found),
        "known events": events_table(found, history.dates[history.first :]),
        "alarms": episodes_table(found),
        "retrainings of ordinis": retrainings_table(found[ORDINIS].course),
        "retrainings of evidently": retrainings_table(found[EVIDENTLY].course),
    }


def summary(found: Mapping[str, Outcome]) -> str:
    """The tables for the screen."""
    strategies, paired = (
        table(found).to_string(index=False) for table in (strategies_table, paired_table)
    )
    return "\n".join([strategies, "", "less monthly:", paired, "", *verdicts(found)])


def _title(history: History) -> str:
    first, last = (str(history.dates[at])[:10] for at in (history.first, -1))
    return f"Retraining replayed: {history.training.options.stem()}, {first} to {last}"


def _said(found: Mapping[str, Outcome]) -> tuple[str, ...]:
    """Ours against monthly, how to read the tables, and how often somebody had to help."""
    released = found[ORDINIS].course.released
    days = ", ".join(str(each)[:10] for each in released)
    helped = f"An operator had to close the circuit of {ORDINIS} {len(released)} times: {days}."
    return (*verdicts(found), EXPLAINED, *([helped] if released else []))


def _lanes(found: Mapping[str, Outcome]) -> list[Lane]:
    courses = {name: outcome.course for name, outcome in found.items()}
    return [
        Lane(name, *(_times(each) for each in (c.alarms, c.promoted, c.rejected)))
        for name, c in courses.items()
    ]


def _run_of(name: str, earlier: str | None) -> mlflow.ActiveRun:
    """The strategy's run: the one of the replay that is resumed, or a new one."""
    if earlier:
        return mlflow.start_run(run_id=earlier, nested=True)
    return mlflow.start_run(run_name=name, tags={STRATEGY: name}, nested=True)


def _log_strategy(outcome: Outcome, run_id: str) -> None:
    declare(outcome.report.span, run_id)
    mlflow.log_metrics(_all(outcome))
    log_report(outcome.report)
    course = outcome.course
    mlflow.log_text(retrainings_table(course).to_csv(index=False), "retrainings.csv")
    alarms = pd.DataFrame({"alarm": [str(each)[:10] for each in course.alarms]})
    mlflow.log_text(alarms.to_csv(index=False), "alarms.csv")


def _all(outcome: Outcome) -> dict[str, float]:
    return {**outcome.metrics(), **report_metrics(outcome.report)}


def _market(history: History) -> tuple[np.ndarray, np.ndarray]:
    """Dates that are judged, and the mean over the symbols of their prices since the first."""
    index, rows = history.judged(), history.training.prepared.rows
    at = rows.ready[index]
    columns = {"time": rows.times[at], "symbol": rows.symbols[at], "close": rows.close[at]}
    table = pd.DataFrame(columns).pivot(index="time", columns="symbol", values="close").ffill()
    level = (table / table.bfill().iloc[0]).mean(axis=1)
    return level.index.to_numpy(), level.to_numpy()


def _times(values: tuple[np.datetime64, ...]) -> np.ndarray:
    return np.array(values, dtype="datetime64[ns]")
