"""Gate: a smaller graph trades as the float32 graph does."""

import math
from dataclasses import dataclass
from typing import ClassVar

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.graph.agreement import LEAST_RANK_CORRELATION, MOST_FLIPS, agreement
from ordinis_mlflow.promotion import Candidate
from ordinis_mlflow.signal import Signal
from ordinis_mlflow.verdict import Verdict

REFERENCE = "float32"


@dataclass(frozen=True)
class PrecisionGate:
    """INT8 and FP16 agree with float32 on the windows of the reserved span.

    Attributes:
        rank_correlation: least Spearman correlation of probability_up.
        flips: largest share of windows whose direction differs.
    """

    name: ClassVar[str] = "precision"
    rank_correlation: float = LEAST_RANK_CORRELATION
    flips: float = MOST_FLIPS

    def __post_init__(self) -> None:
        if not -1.0 <= self.rank_correlation <= 1.0 or not 0.0 <= self.flips <= 1.0:
            raise InvalidConfig(
                "rank_correlation must be in [-1, 1] and flips in [0, 1], got "
                f"{self.rank_correlation} and {self.flips}"
            )

    def check(self, candidate: Candidate) -> Verdict:
        """The figure is the worst rank correlation, or the share of flips where that refuses."""
        smaller = [name for name in candidate.models if name != REFERENCE]
        if not smaller:
            reason = "the package holds no smaller graph: float32 is what is served"
            return Verdict(self.name, True, 1.0, self.rank_correlation, reason)
        reference = candidate.model.predict(candidate.windows)
        return min(
            (self._of(candidate, name, reference) for name in smaller),
            key=lambda each: (each.passed, each.observed),
        )

    def _of(self, candidate: Candidate, name: str, reference: Signal) -> Verdict:
        said = candidate.models[name].predict(candidate.windows)
        correlation, flips = (each.observed for each in agreement(name, said, reference))
        ordered = math.isfinite(correlation) and correlation >= self.rank_correlation
        reason = (
            f"{name} against float32 on {len(said)} windows of the reserved span: rank correlation "
            f"{correlation:.6f} (at least {self.rank_correlation:g}), direction differs in "
            f"{100 * flips:.2f} % (at most {100 * self.flips:g} %)"
        )
        if ordered and flips > self.flips:
            return Verdict(self.name, False, flips, self.flips, reason)
        figure = correlation if math.isfinite(correlation) else -1.0
        return Verdict(self.name, ordered, figure, self.rank_correlation, reason)
