"""Evaluate: a model on bars that it has not seen, beside baselines, with thresholds if asked."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow.data.pandas_dataset import from_pandas
from mlflow.models import MetricThreshold
from mlflow.models.evaluation.validation import ModelValidationFailedException

from flows.command_line import NONE, given, parse, run
from flows.source import BarsOptions
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.tracking import tracked_run

DIGEST = 36
"""Characters that MLflow keeps of a digest."""
SHOWN = (
    "log_score_nats", "crps_units", "qlike", "pit_test_p_value", "brier_score", "ic", "rank_ic",
    "sharpe_annual", "sortino_annual", "max_drawdown_share", "turnover_per_bar",
    "deflated_sharpe_share", "trials_count", "pbo_share", "spa_p_value",
)  # fmt: skip


@dataclass(frozen=True)
class EvaluateOptions(BarsOptions):
    """Parameters of the entry point ``evaluate``, besides where the bars come from.

    Attributes:
        model: URI of the model.
        against: URI of another model to compare it with, under the name ``other``.
        cost_bps: cost of one unit of turnover, basis points.
        samples: of the bootstrap.
        thresholds: a JSON file, metric name to the arguments of ``mlflow.models.MetricThreshold``.
    """

    model: str = "models:/sp500@champion"
    against: str = NONE
    cost_bps: float = 1.0
    samples: int = 1000
    thresholds: str = NONE

    def limits(self) -> dict[str, MetricThreshold]:
        """The thresholds; none if no file was named.

        Raises:
            InvalidConfig: the file is not a table of thresholds.
        """
        path = given(self.thresholds)
        if path is None:
            return {}
        try:
            table = json.loads(Path(path).read_text())
            return {name: MetricThreshold(**values) for name, values in table.items()}
        except (ValueError, TypeError, AttributeError, mlflow.MlflowException) as error:
            raise InvalidConfig(
                f"thresholds file {path} must be a JSON object such as "
                '{"sharpe_annual": {"threshold": 0.5, "greater_is_better": true}}, got: '
                f"{error}"
            ) from error


def main(arguments: Sequence[str]) -> None:
    """The entry point ``evaluate``."""
    (options,) = parse(arguments, EvaluateOptions)
    limits = options.limits()
    bars = options.load_table().bars()
    # MLflow's own digest reads the first rows alone, and no times.
    data = from_pandas(bars.frame, name=options.stem(), digest=bars.digest()[:DIGEST])
    with tracked_run(vars(options), {"ordinis.entry_point": "evaluate"}):
        result = mlflow.models.evaluate(
            options.model,
            data,
            model_type="signal",  # MLflow wants one; the evaluator does not care which
            evaluators="ordinis",
            evaluator_config={
                "cost_bps": options.cost_bps,
                "samples": options.samples,
                "against": given(options.against) or "",
            },
        )
        print(table(options.model, result.metrics))
        check(limits, result)


def check(limits: dict[str, MetricThreshold], result: mlflow.models.EvaluationResult) -> None:
    """Hold the metrics against the thresholds.

    Raises:
        InvalidConfig: one is not reached; all such are named, and the run ends FAILED.
    """
    if not limits:
        return
    try:
        mlflow.validate_evaluation_results(limits, result)
    except ModelValidationFailedException as error:
        raise InvalidConfig(str(error)) from error


def table(model: str, metrics: dict[str, float]) -> str:
    """The headline scores with their intervals, and the difference to each baseline."""
    lines = [f"{model}, on bars that it has not seen"]
    for name in (name for name in SHOWN if name in metrics):
        lines.append(f"  {name:24} {metrics[name]:>9.4f}{_interval(name, metrics)}")
    lines.append("above each baseline, with 95 % interval")
    for name in metrics:
        if "_above_" in name and not name.endswith(("_low", "_high")):
            lines.append(f"  {name:48} {metrics[name]:>+9.4f}{_interval(name, metrics)}")
    return "\n".join(lines)


def _interval(name: str, metrics: dict[str, float]) -> str:
    if f"{name}_low" not in metrics:
        return ""
    return f"   [{metrics[f'{name}_low']:+.4f}, {metrics[f'{name}_high']:+.4f}]"


if __name__ == "__main__":
    run(main)
