"""Gate: the model's gains are not what the best of so many attempts shows by luck."""

from dataclasses import dataclass
from typing import ClassVar

from mlflow.exceptions import MlflowException

from ordinis_mlflow.errors import InvalidConfig, StoreError
from ordinis_mlflow.evaluation import Trials, overfitting
from ordinis_mlflow.promotion import Candidate
from ordinis_mlflow.tracking import count_trials
from ordinis_mlflow.tracking.trials import Judged
from ordinis_mlflow.verdict import Verdict


@dataclass(frozen=True)
class OverfittingGate:
    """The deflated Sharpe ratio, or the probability of backtest overfitting, is within its limit.

    Attempts are counted in the tracking store: every run that declared to read dates of the
    reserved span. One of the two limits held is enough. A model that never trades has no Sharpe
    ratio to be lucky with, and passes.

    Attributes:
        deflated_sharpe: least probability that the Sharpe ratio, after so many attempts, is above
            what luck gives; 0 asks nothing.
        pbo: largest probability that the best of the attempts in sample is below their median out
            of sample; 0 leaves the question to the deflated Sharpe ratio.
    """

    name: ClassVar[str] = "overfitting"
    deflated_sharpe: float = 0.0
    pbo: float = 0.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.deflated_sharpe <= 1.0 and 0.0 <= self.pbo <= 1.0):
            raise InvalidConfig(
                "deflated_sharpe and pbo are probabilities, got "
                f"{self.deflated_sharpe} and {self.pbo}"
            )

    def check(self, candidate: Candidate) -> Verdict:
        """The figure is the deflated Sharpe ratio, or the PBO where that is what is held."""
        report = candidate.report
        if not report.model.trades:
            reason = "it takes no position on the reserved span: there is no gain to be lucky with"
            return Verdict(self.name, True, 1.0, self.deflated_sharpe, reason)
        trials = self._trials(candidate)
        found = overfitting(report.model, trials)
        deflated, pbo = found["deflated_sharpe_share"], found.get("pbo_share")
        reason = (
            f"Sharpe ratio {report.model.metrics['sharpe_annual']:+.2f} a year after costs; "
            f"attempts made on these dates: {trials.count}; it is beyond the luck of so many with "
            f"probability {deflated:.3f}, at least {self.deflated_sharpe:g} is asked"
        )
        if self.pbo > 0.0:
            seen = "unknown" if pbo is None else f"{pbo:.2f}"
            reason += f"; or a probability of overfitting of at most {self.pbo:g}: it is {seen}"
        if deflated < self.deflated_sharpe and pbo is not None and pbo <= self.pbo:
            return Verdict(self.name, True, pbo, self.pbo, reason)
        held = deflated >= self.deflated_sharpe
        return Verdict(self.name, held, deflated, self.deflated_sharpe, reason)

    def _trials(self, candidate: Candidate) -> Trials:
        judged = Judged.of(candidate.report.span)
        try:
            # Returns are read from artifacts, which takes time: only if their answer may count.
            found = count_trials(judged, candidate.tracking_uri, returns=self.pbo > 0.0)
        except MlflowException as error:
            raise StoreError(f"attempts cannot be counted: {error.message}") from error
        # A run that declared nothing is an attempt all the same: this one.
        return Trials(max(1, found.count), found.sharpes_annual, found.returns)
