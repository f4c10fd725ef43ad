"""Tally: what came of a soak, and whether it will do."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ordinis_mlflow.errors import ServingError

MOST_SHOWN = 20
SETTLING = 0.2
"""The part of the samples of memory at the start that does not count: caches fill up."""


@dataclass
class Counts:
    """What one client has counted.

    Attributes:
        answered: statuses of valid requests; 0 where the connection broke.
        refused: kind and status of malformed ones; 0 where there was no answer.
        models: label of the version that answered.
        problems: how many answers were wrong, in any way.
        shown: the first of them.
    """

    answered: Counter[int] = field(default_factory=Counter)
    refused: Counter[tuple[str, int]] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    problems: int = 0
    shown: list[str] = field(default_factory=list)

    def note(self, problem: str | None) -> None:
        """Count a problem, if there is one."""
        if problem is not None:
            self.problems += 1
            if len(self.shown) < MOST_SHOWN:
                self.shown.append(problem)


@dataclass(frozen=True)
class Sample:
    """Resident bytes of the server's process group at a moment, in seconds from the start."""

    at_s: float
    resident: int


@dataclass(frozen=True)
class Soak:
    """The whole of it.

    Attributes:
        counts: of all clients.
        memory: in order; empty if nobody looked.
    """

    counts: Counts
    memory: tuple[Sample, ...]

    @classmethod
    def of(cls, parts: Sequence[Counts], memory: Sequence[Sample]) -> "Soak":
        """Add up what the clients have counted."""
        total = Counts()
        for part in parts:
            total.answered += part.answered
            total.refused += part.refused
            total.models += part.models
            total.problems += part.problems
            total.shown += part.shown
        return cls(total, tuple(memory))

    @property
    def mebibytes_an_hour(self) -> float:
        """Slope of a least-squares line through the samples after the first fifth; NaN without."""
        kept = self.memory[int(SETTLING * len(self.memory)) :]
        if len(kept) < 3:
            return float("nan")
        slope = np.polyfit([each.at_s for each in kept], [each.resident for each in kept], 1)[0]
        return float(slope * 3600 / 2**20)

    def lines(self) -> list[str]:
        """The figures, for people."""
        counts = self.counts
        first, last = (self.memory[0], self.memory[-1]) if self.memory else (None, None)
        found = [
            f"valid requests by status: {dict(sorted(counts.answered.items()))}",
            f"answered by: {dict(sorted(counts.models.items()))}",
            *(f"  {kind}: {status}, {n} times" for (kind, status), n in _sorted(counts)),
            f"wrong answers: {counts.problems}",
        ]
        if first and last:
            found.append(
                f"memory: {first.resident / 2**20:.1f} MiB at {first.at_s:.0f} s, "
                f"{last.resident / 2**20:.1f} at {last.at_s:.0f} s, slope "
                f"{self.mebibytes_an_hour:+.1f} MiB/h"
            )
        return found

    def check(self) -> None:
        """Raise ServingError if any answer was wrong, missing, or a 5xx other than 503."""
        if not self.counts.answered[200]:
            raise ServingError("no request was answered with 200")
        if self.counts.problems:
            shown = "\n".join(self.counts.shown[:MOST_SHOWN])
            raise ServingError(f"{self.counts.problems} answers were wrong; the first:\n{shown}")


def _sorted(counts: Counts) -> list[tuple[tuple[str, int], int]]:
    return sorted(counts.refused.items())
