"""DriftCheck: one verdict a column; what was not judged has not passed, and says why."""

from dataclasses import dataclass
from math import nan

from ordinis_mlflow.verdict import Verdict

MOST_MISSING = 0.1
"""Share of a window's values that may be missing: limits are of whole windows."""


@dataclass(frozen=True)
class DriftCheck:
    """The outcome of one check.

    Attributes:
        verdicts: one a column of the reference, in its order, then one a column that it lacks. A
            verdict passes if the column was judged and is within its limit. Observed is the normed
            Wasserstein distance, NaN for what was not judged.
        drifted: columns beyond their limits: the market, or the model, is another one.
        unjudged: columns that could not be judged: the data are at fault, and no retraining mends
            them.
    """

    verdicts: tuple[Verdict, ...]
    drifted: tuple[str, ...]
    unjudged: tuple[str, ...]

    @property
    def alarm(self) -> bool:
        """Whether any column drifted."""
        return bool(self.drifted)

    @property
    def judged(self) -> bool:
        """Whether every column was judged."""
        return not self.unjudged


@dataclass(frozen=True)
class Expected:
    """What the reference says of one column.

    Attributes:
        name: of the column.
        window: rows that are judged.
        limit: of the distance.
        constant: the only value that the reference holds, or None.
        stands_still: whether the column holds one value throughout some window of the reference.
    """

    name: str
    window: int
    limit: float
    constant: float | None
    stands_still: bool


@dataclass(frozen=True)
class Seen:
    """What the current window says of one column.

    Attributes:
        rows: of the window.
        finite: how many of them hold a finite value.
        still: whether those are all equal.
        distance: of those from the reference; NaN if there are none.
    """

    rows: int
    finite: int = 0
    still: bool = False
    distance: float = nan


def decide(expected: list[tuple[Expected, Seen | None]], new: list[str]) -> DriftCheck:
    """Judge each column.

    Args:
        expected: every column of the reference, with what is seen of it; None if it is missing.
        new: columns that the reference lacks.
    """
    verdicts, drifted, unjudged = [], [], list(new)
    for column, seen in expected:
        fault = _fault(column, seen)
        if fault or seen is None:
            unjudged.append(column.name)
            verdicts.append(_verdict(column.name, False, nan, column.limit, fault))
            continue
        passed = seen.distance <= column.limit
        if not passed:
            drifted.append(column.name)
        reason = _reason(column, passed) + _note(seen)
        verdicts.append(_verdict(column.name, passed, seen.distance, column.limit, reason))
    reason = "not judged, as the reference has no such column"
    verdicts += [_verdict(name, False, nan, nan, reason) for name in new]
    return DriftCheck(tuple(verdicts), tuple(drifted), tuple(unjudged))


def _verdict(column: str, passed: bool, observed: float, limit: float, reason: str) -> Verdict:
    return Verdict(f"drift_{column}", passed, observed, limit, reason)


def _fault(column: Expected, seen: Seen | None) -> str:
    """Why a column cannot be judged; empty if it can."""
    if seen is None:
        return "not judged, as the current table has no such column"
    if seen.rows < column.window:
        return f"not judged, as there are {seen.rows} of the {column.window} rows of a window"
    if not seen.finite:
        return f"not judged, as none of the latest {seen.rows} rows holds a finite value"
    if seen.finite < (1 - MOST_MISSING) * seen.rows:
        return (
            f"not judged, as {seen.rows - seen.finite} of the latest {seen.rows} rows hold no "
            f"finite value, more than {MOST_MISSING:.0%}"
        )
    if seen.still and not column.stands_still:
        return (
            f"not judged, as the latest {seen.rows} rows hold one value, which no window of the "
            "reference does: its source stands still"
        )
    return ""


def _reason(column: Expected, passed: bool) -> str:
    rows = f"the latest {column.window} rows"
    if column.constant is not None:
        return f"the reference holds only {column.constant:g}, and {rows} " + (
            "hold it too" if passed else "something else"
        )
    if passed:
        return f"{rows} lie as near to the reference as its own windows do"
    return f"{rows} lie further from the reference than its own windows do"


def _note(seen: Seen) -> str:
    missing = seen.rows - seen.finite
    return f"; {missing} of them hold no finite value and are left out" if missing else ""
