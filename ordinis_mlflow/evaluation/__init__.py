"""Evaluation: a model's numbers out of sample, after costs, with their spread, beside baselines'.

Floor 2: joins scoring and what is known about the rows; it knows neither models nor MLflow.
"""

from ordinis_mlflow.evaluation.by_date import DatedDifference, Judged, dated_differences
from ordinis_mlflow.evaluation.judge import Evaluation, judge
from ordinis_mlflow.evaluation.overfitting import Trials, overfitting
from ordinis_mlflow.evaluation.report import Difference, Report, report
from ordinis_mlflow.evaluation.span import TestSpan, span_of

__all__ = [
    "DatedDifference",
    "Difference",
    "Evaluation",
    "Judged",
    "Report",
    "TestSpan",
    "Trials",
    "dated_differences",
    "judge",
    "overfitting",
    "report",
    "span_of",
]
