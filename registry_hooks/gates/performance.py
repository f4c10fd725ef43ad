"""Gate: on bars that it has never seen, the model forecasts as well as what it would replace."""

import math
from dataclasses import dataclass
from typing import ClassVar

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.evaluation.span import LEAST_DATES
from ordinis_mlflow.promotion import Candidate
from ordinis_mlflow.verdict import Verdict

SCORE = "log_score_nats"
NAIVE = "zero_mean_volatility"


@dataclass(frozen=True)
class PerformanceGate:
    """The log score, recomputed by the server on the reserved span, and resampled in pairs.

    Against a champion: no end of the 95 % interval of the difference is more than ``margin`` below
    zero, so that a model that may be worse is not taken for one as good. Without one: the whole
    interval of the difference to the naive baseline is above zero.

    Attributes:
        margin: what may be lost against the champion, nats a decision: 0.01 is one part in a
            hundred of the likelihood.
        dates: least number of dates that it must be judged on.
    """

    name: ClassVar[str] = "performance"
    margin: float = 0.01
    dates: int = LEAST_DATES

    def __post_init__(self) -> None:
        if not (0.0 <= self.margin < math.inf and self.dates >= LEAST_DATES):
            raise InvalidConfig(
                "margin must be a number of at least 0 and dates at least 20, got "
                f"{self.margin} and {self.dates}"
            )

    def check(self, candidate: Candidate) -> Verdict:
        """The figure is the lower end of the interval."""
        report, champion = candidate.report, candidate.champion
        count = len(report.span.dates)
        if count < self.dates:
            reason = f"only {count} dates are left to judge on, at least {self.dates} are needed"
            return Verdict(self.name, False, float(count), float(self.dates), reason)
        rival, limit = ("champion", -self.margin) if champion else (NAIVE, 0.0)
        gain = report.difference(SCORE, rival)
        low, high = gain.interval.low, gain.interval.high
        passed = low >= limit if champion else low > limit
        versus = f"the champion, {champion}" if champion else f"the naive baseline {NAIVE}"
        reason = (
            f"log score {gain.value:+.4f} nats a decision against {versus}, 95 % interval "
            f"[{low:+.4f}, {high:+.4f}], on {len(report.span)} decisions of {count} dates from "
            f"{str(report.span.dates[0])[:10]} on, none of which was seen in training; the lower "
            f"end must be {'at least' if champion else 'above'} {limit:g}"
        )
        return Verdict(self.name, passed, low, limit, reason)
