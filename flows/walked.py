"""Walked: all windows of a walk as one test, what they say together and how it is logged."""

from collections.abc import Sequence

import mlflow
import numpy as np
import pandas as pd

from flows.window import MODEL, Walked
from ordinis_mlflow.evaluation import Report
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.tracking import baseline_metrics, log_report, report_metrics
from ordinis_mlflow.tracking.figures import windows


def joined(
    walked: Sequence[Walked], index: np.ndarray
) -> tuple[Prediction, tuple[Prediction, ...]]:
    """The model's predictions of all windows one below the other, and each baseline's."""
    assert np.array_equal(np.concatenate([each.test for each in walked]), index)
    columns = zip(*(each.predictions for each in walked), strict=True)
    model, *others = (Prediction.concatenate(parts) for parts in columns)
    return model, tuple(others)


def robustness(walked: Sequence[Walked]) -> dict[str, float]:
    """How much is lost out of sample, and how often a baseline is beaten.

    ``degradation_log_score_nats``: mean over the windows of the log score on training rows less
    that on test rows. ``robustness_<baseline>_share``: share of windows with a better log score
    than the baseline's.
    """
    table = pd.DataFrame([dict(each.metrics) for each in walked])
    ours = table["test/log_score_nats"]
    found = {
        "windows": float(len(table)),
        "in_sample_log_score_nats": float(table["train/log_score_nats"].mean()),
        "degradation_log_score_nats": float((table["train/log_score_nats"] - ours).mean()),
    }
    for name in (each.name for each in walked[0].predictions if each.name != MODEL):
        found[f"robustness_{name}_share"] = float(
            (ours > table[f"test_{name}/log_score_nats"]).mean()
        )
    return found


def log_walk(made: Report, walked: Sequence[Walked]) -> None:
    """Metrics under ``walk/``, tables and figures, to the active run."""
    metrics = {**report_metrics(made), **robustness(walked)}
    mlflow.log_metrics({f"walk/{name}": value for name, value in metrics.items()})
    mlflow.log_metrics({f"walk_{name}": value for name, value in baseline_metrics(made).items()})
    log_report(made)
    table = pd.DataFrame(
        [{"refit": str(e.refit)[:10], "run_id": e.run_id, **e.metrics} for e in walked]
    )
    mlflow.log_text(table.to_csv(index=False), "evaluation/windows.csv")
    skills = {
        each.name: (table["test/log_score_nats"] - table[f"test_{each.name}/log_score_nats"])
        * table["test/rows"]
        for each in made.baselines
    }
    figure = windows([each.refit for each in walked], skills)
    mlflow.log_figure(figure, "figures/windows.png")


def summary(made: Report, walked: Sequence[Walked]) -> str:
    """What the walk says, for the screen."""
    figures = robustness(walked)
    dates = made.span.dates
    lines = [
        f"{len(walked)} windows, tested {str(dates[0])[:10]} to {str(dates[-1])[:10]}, "
        f"{len(made.span)} rows",
        f"  log score {made.model.metrics['log_score_nats']:+.4f} nats; in sample "
        f"{figures['in_sample_log_score_nats']:+.4f}, lost out of sample "
        f"{figures['degradation_log_score_nats']:+.4f}",
    ]
    for each in made.baselines:
        lead = made.difference("log_score_nats", each.name)
        qlike = made.difference("qlike", each.name)
        lines.append(
            f"  above {each.name:22} {lead.value:+.4f} [{lead.interval.low:+.4f}, "
            f"{lead.interval.high:+.4f}] nats, QLIKE {qlike.value:+.4f} "
            f"[{qlike.interval.low:+.4f}, {qlike.interval.high:+.4f}], better in "
            f"{figures[f'robustness_{each.name}_share']:.0%} of windows"
        )
    sharpe = made.model.metrics["sharpe_annual"]
    lines.append(f"  Sharpe ratio after costs {sharpe:+.2f} a year")
    return "\n".join(lines)
