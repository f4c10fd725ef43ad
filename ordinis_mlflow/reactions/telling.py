"""Telling: a decision as other programs are told of it."""

import math
from datetime import UTC, datetime
from typing import Any

from ordinis_mlflow.ledger import Decision
from ordinis_mlflow.verdict import Verdict

FORMAT = 1
"""Goes up when a field is renamed or changes its meaning; new fields may come without."""
COPIED = ("who", "action", "model", "workspace", "version", "target", "previous", "policy")
SECOND = 1_000_000_000


def told(decision: Decision) -> dict[str, Any]:
    """A decision as a JSON object: the same each time, so that a second telling is the first.

    ``at`` is UTC in ISO 8601 to the microsecond, ``at_ns`` exact. Figures that are not finite are
    written as texts ("inf", "-inf", "nan"), for JSON has none.
    """
    entry = decision.entry
    return {
        "format": FORMAT,
        "number": decision.number,
        "hash": decision.hash,
        "at": _iso(entry.at),
        "at_ns": entry.at,
        **{name: getattr(entry, name) for name in COPIED},
        "reason": entry.reason,
        "failed": [_verdict(each) for each in entry.verdicts if not each.passed],
        "passed": [_verdict(each) for each in entry.verdicts if each.passed],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "name": verdict.name,
        "observed": _figure(verdict.observed),
        "limit": _figure(verdict.limit),
        "reason": verdict.reason,
    }


def _figure(value: float) -> float | str:
    return value if math.isfinite(value) else repr(value)


def _iso(at: int) -> str:
    seconds, rest = divmod(at, SECOND)  # a float of today's nanoseconds is off by hundreds
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1_000)
    return moment.isoformat(timespec="microseconds")
