"""Which samples train a model and which judge it: by time, with overlapping labels purged."""

from ordinis_mlflow.splits._holdout import Holdout, HoldoutSplit

__all__ = ["Holdout", "HoldoutSplit"]
