"""What a crisis shows: a timeline for the screen, and a page with a figure at its run."""

import textwrap
from collections.abc import Iterable, Iterator

import mlflow
import numpy as np
import pandas as pd

from flows.crisis_course import Course, Episode, Retrained
from flows.replayed_events import EVENTS
from ordinis_mlflow.bars import COLUMNS, Bars
from ordinis_mlflow.tracking.page import page
from ordinis_mlflow.tracking.timeline import Lane, timeline

PAGE = "crisis.html"
WIDTH = 98
LIVED = (
    "The monitor looked at each of these bars as if it were the newest; a model was trained on "
    "what was known then alone, and the gates decided by rows that neither model was trained on."
)


def story(course: Course) -> str:
    """What happened, oldest first, which version trades at the end, and where to look."""
    first, last = (day(course.looks[at].bar) for at in (0, -1))
    count = f"{len(course.looks)} checks from {first} to {last}, {len(course.alarms)} found drift"
    told = [*((each.first, episode(each)) for each in course.episodes()),
            *((bar, decision(bar, each)) for bar, each in course.retrained)]  # fmt: skip
    return "\n".join([
        "",
        f"{course.model}: {count}",
        "  (version 1 is of what was known before, promoted by the gates)",
        *(line for _, lines in sorted(told, key=lambda each: each[0]) for line in lines),
        f"  At the end version {course.standing} trades.",
        "",
        f"Look:  make ui     run 'crisis of {course.model}': {PAGE}, and below it every check",
    ])  # fmt: skip


def episode(each: Episode) -> list[str]:
    """When which columns drifted."""
    span = day(each.first) + (f" to {day(each.last)}" if each.alarms > 1 else "")
    many = f"{each.alarms} alarm{'s' if each.alarms > 1 else ''}"
    return wrapped(f"{span}  drift from version {each.version}, {many}: {', '.join(each.columns)}")


def decision(bar: np.datetime64, each: Retrained) -> list[str]:
    """What was triggered, and what decided about it."""
    version = f"version {each.challenger} {each.outcome}" if each.challenger else each.outcome
    return wrapped(f"{day(bar)}  RETRAINING {each.number} ({each.cause}): {version}: {each.reason}")


def wrapped(text: str) -> list[str]:
    """Lines of the screen, the later ones indented."""
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent=" " * 14)


def log_course(course: Course, bars: Bars) -> None:
    """Figures, tables and page to the active run."""
    promoted = sum(each.outcome == "promoted" for _, each in course.retrained)
    mlflow.log_metrics({
        "checks": len(course.looks), "alarms": len(course.alarms),
        "retrains": len(course.retrained), "promoted": promoted,
    })  # fmt: skip
    tables = tables_of(course)
    for title, table in tables.items():
        mlflow.log_text(table.to_csv(index=False), f"tables/{title.replace(' ', '_')}.csv")
    drawn = timeline(*market(course, bars), lanes(course), EVENTS)
    mlflow.log_figure(drawn, "figures/timeline.png")
    title = f"{course.model}: {day(course.looks[0].bar)} to {day(course.looks[-1].bar)}"
    said = [LIVED, f"At the end version {course.standing} trades."]
    shown = {"timeline of alarms and retrainings": drawn}
    mlflow.log_text(page(title, said, shown, tables), PAGE)


def tables_of(course: Course) -> dict[str, pd.DataFrame]:
    """What the page shows, by heading."""
    alarms = [
        (each.version, day(each.first), day(each.last), each.alarms, ", ".join(each.columns))
        for each in course.episodes()
    ]
    retrainings = [
        (day(bar), each.cause, each.challenger, each.outcome, each.reason)
        for bar, each in course.retrained
    ]
    return {
        "alarms": pd.DataFrame(
            alarms, columns=["version", "first", "last", "alarms", "columns that drifted"]
        ),
        "retrainings": pd.DataFrame(
            retrainings, columns=["at", "cause", "version", "outcome", "what decided"]
        ),
        "known events": pd.DataFrame(events(course), columns=["day", "event", "next alarm"]),
    }


def events(course: Course) -> Iterator[tuple[str, str, str]]:
    """What markets remember of the time, and the first alarm from then on."""
    for name, at in EVENTS.items():
        if course.looks[0].bar <= at <= course.looks[-1].bar:
            later = [day(each.bar) for each in course.alarms if each.bar >= at]
            yield day(at), name, later[0] if later else "none"


def lanes(course: Course) -> list[Lane]:
    """Drift with what it led to, and below it realised performance."""
    promoted, lost = (
        times(bar for bar, each in course.retrained if (each.outcome == "promoted") == took_over)
        for took_over in (True, False)
    )
    drift = Lane("drift", times(each.bar for each in course.alarms), promoted, lost)
    none = times(())
    worse = times(each.bar for each in course.looks if each.worse)
    return [drift, Lane("realised performance", worse, none, none)]


def market(course: Course, bars: Bars) -> tuple[np.ndarray, np.ndarray]:
    """Dates that are looked at, and the close relative to the first."""
    (series,) = bars.series()
    dates = series.nanoseconds().view("datetime64[ns]")
    shown = (dates >= course.looks[0].bar) & (dates <= course.looks[-1].bar)
    close = series.values[shown, COLUMNS.index("close")]
    return dates[shown], close / close[0]


def times(bars: Iterable[np.datetime64]) -> np.ndarray:
    """As an array."""
    return np.array(list(bars), dtype="datetime64[ns]")


def day(bar: np.datetime64) -> str:
    """Its date."""
    return str(bar)[:10]
