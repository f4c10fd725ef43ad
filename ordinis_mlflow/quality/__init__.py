"""Quality of bars on their way in: checks whose findings are set aside, never dropped."""

from ordinis_mlflow.quality.inspection import Inspection, Suspicion, inspect
from ordinis_mlflow.quality.rules import QualityRules

__all__ = ["Inspection", "QualityRules", "Suspicion", "inspect"]
