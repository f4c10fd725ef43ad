"""An evaluation as the tracking server shows it: metrics, tables, figures, returns."""

import tempfile
from pathlib import Path

import mlflow
import pandas as pd

from ordinis_mlflow.evaluation import Report
from ordinis_mlflow.evaluation import tables as of
from ordinis_mlflow.scoring.monte_carlo import Paths, monte_carlo
from ordinis_mlflow.tracking.figures import report_figures

RETURNS = "evaluation/returns.parquet"
"""Net return by time, of the model and of each baseline."""


def report_metrics(report: Report) -> dict[str, float]:
    """Stable names, with units: the model's, their intervals, and above each baseline."""
    metrics = dict(report.model.metrics)
    for name, one in report.intervals.items():
        metrics |= {f"{name}_low": one.low, f"{name}_high": one.high}
    for each in report.differences:
        name = above(each.metric, each.baseline)
        low, high = each.interval.low, each.interval.high
        metrics |= {name: each.value, f"{name}_low": low, f"{name}_high": high}
    if report.spa is not None:
        metrics["spa_p_value"] = report.spa.p_consistent
    return metrics


def above(metric: str, baseline: str) -> str:
    """The name of a difference: ``log_score_above_garch_t_nats``, ``qlike_above_garch_t``."""
    stem, unit = metric, ""
    for suffix in ("_nats", "_units", "_annual"):
        if metric.endswith(suffix):
            stem, unit = metric.removesuffix(suffix), suffix
    return f"{stem}_above_{baseline}{unit}"


def baseline_metrics(report: Report) -> dict[str, float]:
    """The same scores of each baseline: ``<baseline>/<metric>``."""
    return {
        f"{baseline.name}/{name}": value
        for baseline in report.baselines
        for name, value in baseline.metrics.items()
    }


def log_report(report: Report) -> None:
    """Log the tables, the returns and the figures to the active run; metrics are the caller's."""
    paths = bands(report)
    _log_tables(report, paths)
    for name, figure in report_figures(report, paths).items():
        mlflow.log_figure(figure, f"figures/{name}.png")


def bands(report: Report) -> Paths | None:
    """Resampled paths of the model's returns; None if it never traded."""
    if not report.model.trades:
        return None
    returns = report.model.returns.to_numpy()
    return monte_carlo(returns, method="block", samples=report.samples)


def _log_tables(report: Report, paths: Paths | None) -> None:
    tables = {
        "scores": of.scores_table(report),
        "differences": of.differences_table(report),
        "forecasters": of.tests_table(report),
        "years": of.years_table(report),
        "reliability": of.reliability_table(report),
    }
    if paths is not None:
        tables["monte_carlo"] = of.paths_table(paths)
    for name, table in tables.items():
        mlflow.log_text(table.to_csv(index=False), f"evaluation/{name}.csv")
    returns = pd.DataFrame({each.name: each.returns for each in report.all})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(RETURNS).name
        returns.to_parquet(path)
        mlflow.log_artifact(str(path), str(Path(RETURNS).parent))
