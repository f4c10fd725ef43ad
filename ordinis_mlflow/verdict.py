"""Verdict: one checked claim, with the figure that was seen and the limit it was held against."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check.

    Attributes:
        name: what was checked, in snake case with its unit, for example ``int8_rank_correlation``.
        passed: whether the check held.
        observed: the figure that was measured.
        limit: the figure it was held against.
        reason: one sentence for people.
    """

    name: str
    passed: bool
    observed: float
    limit: float
    reason: str

    def __str__(self) -> str:
        outcome = "passed" if self.passed else "FAILED"
        figures = f"observed {self.observed:.6g}, limit {self.limit:.6g}"
        return f"{self.name} {outcome}: {self.reason} ({figures})"
