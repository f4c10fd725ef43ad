"""Which samples train a model and which judge it: by time, with overlapping labels purged."""

from ordinis_mlflow.splits._combinatorial import CombinatorialPurgedKFold
from ordinis_mlflow.splits._holdout import Holdout, HoldoutSplit, stopped_by
from ordinis_mlflow.splits._kfold import PurgedKFold
from ordinis_mlflow.splits._periods import Duration, Period
from ordinis_mlflow.splits._walk_forward import WalkForward, Window

__all__ = [
    "CombinatorialPurgedKFold",
    "Duration",
    "Holdout",
    "HoldoutSplit",
    "Period",
    "PurgedKFold",
    "WalkForward",
    "Window",
    "stopped_by",
]
