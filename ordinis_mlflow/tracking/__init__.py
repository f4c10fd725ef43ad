"""What a run tells the tracking server: parameters, provenance, checkpoints, evaluations.

Checkpoints need torch, and are imported from ``tracking.checkpoints``: the gates import this.
"""

from ordinis_mlflow.tracking.report import baseline_metrics, log_report, report_metrics
from ordinis_mlflow.tracking.run import to_the_end, tracked_run
from ordinis_mlflow.tracking.trials import Judged, count_trials, declare

__all__ = [
    "Judged",
    "baseline_metrics",
    "count_trials",
    "declare",
    "log_report",
    "report_metrics",
    "to_the_end",
    "tracked_run",
]
