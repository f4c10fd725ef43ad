"""Gate: every packaged graph gives, on this server, the answers that it gave when packaged."""

from dataclasses import dataclass
from typing import ClassVar

from ordinis_mlflow.flavor.probe import LIMITS
from ordinis_mlflow.promotion import Candidate
from ordinis_mlflow.signal import largest_difference
from ordinis_mlflow.verdict import Verdict


@dataclass(frozen=True)
class ProbeGate:
    """float32 and every smaller precision load and answer the package's own probe."""

    name: ClassVar[str] = "probe"

    def check(self, candidate: Candidate) -> Verdict:
        """The figure is the largest difference, as a share of what its precision allows."""
        candidate.model  # noqa: B018  there must be a float32 graph
        probe = candidate.package.probe
        shares = {
            name: largest_difference(model.predict(probe.bars), probe.expected[name]) / LIMITS[name]
            for name, model in candidate.models.items()
        }
        worst = max(shares.values())
        reason = (
            f"on this server {', '.join(shares)} answered {len(probe.bars)} probe windows; the "
            "figure is the largest difference from what was answered when packaged, as a share of "
            "what is allowed"
        )
        return Verdict(self.name, worst <= 1.0, worst, 1.0, reason)
