"""Entry point of the group mlflow.model_evaluator: ``evaluators="ordinis"`` judges a signal model.

``mlflow.models.evaluate(model_uri, bars, model_type="signal", evaluators="ordinis")`` takes bars
with the history before the test span, on which baselines are fitted, and judges every bar that the
model has not seen. MLflow refuses a call without a model type before any evaluator is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import mlflow
import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.models import EvaluationResult
from mlflow.models.evaluation.base import ModelEvaluator
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc import PyFuncModel

from ordinis_mlflow.bars import Bars
from ordinis_mlflow.errors import InvalidConfig, OrdinisError
from ordinis_mlflow.tracking import (
    baseline_metrics,
    count_trials,
    declare,
    log_report,
    report_metrics,
)


@dataclass(frozen=True)
class EvaluatorConfig:
    """What ``evaluator_config`` may say.

    Attributes:
        cost_bps: cost of one unit of turnover, basis points.
        samples: of the bootstrap.
        seed: of the bootstrap.
        metric_prefix: before every metric's name.
        against: URI of another model, judged on the same rows under the name ``other``.
    """

    cost_bps: float = 1.0
    samples: int = 1000
    seed: int = 0
    metric_prefix: str = ""
    against: str = ""

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> "EvaluatorConfig":
        """From MLflow's dictionary.

        Raises:
            InvalidConfig: a name that is not known.
        """
        known = {field.name for field in fields(cls)}
        unknown = set(given or {}) - known
        if unknown:
            raise InvalidConfig(
                f"evaluator_config may hold {sorted(known)}, got {sorted(unknown)} as well"
            )
        return cls(**(given or {}))


class OrdinisEvaluator(ModelEvaluator):
    """Judges models of the flavor ``ordinis`` on price bars."""

    @classmethod
    def can_evaluate(cls, *, model_type: str | None, evaluator_config: Any, **kwargs: Any) -> bool:
        """Whatever the type: the flavor decides, once the model is there."""
        return True

    def evaluate(
        self,
        *,
        model_type: str | None,
        dataset: Any,
        run_id: str,
        evaluator_config: Mapping[str, Any] | None,
        model: Any = None,
        **kwargs: Any,
    ) -> EvaluationResult:
        """Log tables and figures, return the metrics, which MLflow logs.

        Raises:
            MlflowException: not a model of this package, or bars that cannot be judged; our reason.
        """
        try:
            metrics = _judge(_checked(model), dataset.features_data, evaluator_config)
        except OrdinisError as error:
            raise MlflowException(str(error), error_code=INVALID_PARAMETER_VALUE) from error
        if kwargs.get("model_id") is None:
            mlflow.log_metrics(metrics)
        return EvaluationResult(metrics=metrics, artifacts={})


def _checked(model: Any) -> PyFuncModel:
    metadata = getattr(model, "metadata", None)  # a plain function has none
    if metadata is None or "ordinis" not in metadata.flavors:
        raise InvalidConfig(
            "the evaluator ordinis judges models of the flavor ordinis, got "
            f"{sorted(metadata.flavors) if metadata else model!r}: pass the URI of one, such as "
            "models:/sp500@champion"
        )
    return model


def _judge(loaded: PyFuncModel, frame: Any, given: Mapping[str, Any] | None) -> dict[str, float]:
    # Imported late: MLflow loads its plugins while it is itself imported, and serving needs none.
    from ordinis_mlflow import flavor
    from ordinis_mlflow.evaluation import overfitting
    from ordinis_mlflow.judging import judge_models, unseen_span

    config = EvaluatorConfig.of(given)
    models = {"model": loaded.get_raw_model()}
    if config.against:
        models["other"] = flavor.load_model(config.against)
    bars = Bars.from_frame(frame)
    unseen = unseen_span(list(models.values()), bars, config.cost_bps)
    judged = declare(unseen.span, str(loaded.metadata.run_id or loaded.metadata.model_uuid))
    report = judge_models(models, bars, unseen, config.samples, config.seed)
    log_report(report)
    mlflow.log_metric(_named(config, "sharpe_annual"), report.model.metrics["sharpe_annual"])
    extra = overfitting(report.model, count_trials(judged))
    metrics = {**report_metrics(report), **baseline_metrics(report), **extra}
    return {_named(config, name): float(np.float64(value)) for name, value in metrics.items()}


def _named(config: EvaluatorConfig, name: str) -> str:
    return f"{config.metric_prefix}{name}"
