"""Promotion: from a registered model version and a policy to verdicts.

Floor 4: knows how a version is judged, and neither registry nor ledger. `decide` asks the gates
that the policy names; they are found by entry points and live in ``registry_hooks/gates``.
"""

from ordinis_mlflow.promotion.candidate import Candidate, digests_of
from ordinis_mlflow.promotion.decide import decide
from ordinis_mlflow.promotion.gate import Gate, installed_gates
from ordinis_mlflow.promotion.policy import Policy
from ordinis_mlflow.promotion.policy_file import read_policy

__all__ = ["Candidate", "Gate", "Policy", "decide", "digests_of", "installed_gates", "read_policy"]
