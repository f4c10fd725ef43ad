"""Decisions in plain words: what the ledger's pages and JSON say of each."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from ordinis_mlflow.ledger import Decision
from ordinis_mlflow.ledger.records import TAKES
from ordinis_mlflow.verdict import Verdict

BREAK_GLASS = "break_glass"
WORDS = {
    "promote": "Promoted",
    "refuse": "Refused",
    "rollback": "Rolled back",
    BREAK_GLASS: "Break-glass",
    "demote": "Taken out",
    "archive": "Archived",
    "delete": "Deleted",
    "rename": "Renamed",
}


@dataclass(frozen=True)
class Told:
    """One decision as it is shown.

    Attributes:
        decision: what the ledger holds.
    """

    decision: Decision

    @property
    def number(self) -> int:
        """Of the row."""
        return self.decision.number

    @property
    def entry(self) -> Any:
        """What was decided."""
        return self.decision.entry

    @property
    def when(self) -> str:
        """UTC, to the second."""
        return utc(self.entry.at)

    @property
    def word(self) -> str:
        """What happened, in a word or two."""
        return WORDS.get(self.entry.action, self.entry.action)

    @property
    def loud(self) -> bool:
        """Whether the checks were overruled."""
        return self.entry.action == BREAK_GLASS

    @property
    def change(self) -> str:
        """Who stands where after it: from and to."""
        entry = self.entry
        if entry.action in TAKES:
            before = f"version {entry.previous}" if entry.previous else "no version"
            return f"{entry.target}: {before} → version {entry.version}"
        if entry.action == "refuse":
            return f"{entry.target}: unchanged"
        if entry.action == "demote":
            return f"{entry.target}: left by version {entry.version}"
        return entry.target

    @property
    def failed(self) -> list[Verdict]:
        """Checks that did not pass."""
        return [verdict for verdict in self.entry.verdicts if not verdict.passed]

    @property
    def checks(self) -> str:
        """How many checks there were and how they ended."""
        asked, failed = len(self.entry.verdicts), len(self.failed)
        if not asked:
            return "no checks ran"
        if failed:
            return f"{failed} of {asked} checks failed"
        return "the check passed" if asked == 1 else f"all {asked} checks passed"

    def as_json(self) -> dict[str, Any]:
        """Every field, for programs."""
        entry = self.entry
        fields = ("who", "action", "model", "workspace", "version", "target", "previous", "policy")
        return {
            "number": self.number,
            "at": datetime.fromtimestamp(entry.at / 1e9, UTC).isoformat(),
            "at_ns": entry.at,
            **{name: getattr(entry, name) for name in fields},
            "reason": entry.reason,
            "verdicts": [_finite(asdict(verdict)) for verdict in entry.verdicts],
            "digests": dict(entry.digests),
            "previous_hash": self.decision.previous_hash,
            "hash": self.decision.hash,
        }


def utc(at: int) -> str:
    """Nanoseconds since 1970 as a date and time of day that says its zone."""
    return datetime.fromtimestamp(at // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def nanoseconds(text: str) -> int:
    """A moment in ISO 8601, UTC where it names no zone.

    Raises:
        ValueError: it is none.
    """
    moment = datetime.fromisoformat(text.strip().removesuffix("UTC").strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000


def figure(value: float) -> str:
    """A measured number, six digits of it."""
    if math.isnan(value):
        return "no figure"
    return f"{value:.6g}"


def short(digest: str) -> str:
    """The beginning of a digest, enough to compare by eye."""
    return f"{digest[:12]}…" if len(digest) > 13 else digest


def strict_json(value: Any) -> str:
    """JSON that every reader takes: no NaN."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, indent=1)


def _finite(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in fields.items()
    }
