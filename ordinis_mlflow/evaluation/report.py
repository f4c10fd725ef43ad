"""Report: a model beside its baselines, with the uncertainty of every headline score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.evaluation.judge import Evaluation, judge
from ordinis_mlflow.evaluation.span import TestSpan
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.scoring import calibration
from ordinis_mlflow.scoring.bootstrap import Interval, Resamples, block_length, interval, resample
from ordinis_mlflow.scoring.calibration import ReliabilityBin
from ordinis_mlflow.scoring.comparison import (
    ConfidenceSet,
    SpaResult,
    model_confidence_set,
    superior_predictive_ability,
)
from ordinis_mlflow.scoring.monte_carlo import drawdown_and_growth

Vector = npt.NDArray[np.float64]
LEVEL = 0.95
SAMPLES = 1000
COMPARED = ("log_score_nats", "crps_units", "qlike", "brier_score", "rank_ic", "sharpe_annual")
"""Scores of which the difference to each baseline is given."""


@dataclass(frozen=True)
class Difference:
    """A score of the model less that of a baseline, resampled together.

    Attributes:
        metric: name of the score, with its unit.
        baseline: less which.
        value: of the sample.
        interval: of the resamples.
    """

    metric: str
    baseline: str
    value: float
    interval: Interval


@dataclass(frozen=True, eq=False)
class Report:
    """Everything that is said of a model on a test span.

    Attributes:
        span: the rows.
        prediction: what the model said of them.
        model: the model's numbers.
        baselines: the numbers of each baseline, on the same rows.
        intervals: of the model's headline scores.
        differences: to each baseline.
        spa: Hansen's test that no baseline has a better log score than the model; None without two.
        confidence_set: the forecasters that cannot be told from the best by log score; likewise.
        reliability: of the model's ``probability_up``, by bins.
        block_length: mean length of the blocks of dates that were resampled.
        samples: how many resamples.
    """

    span: TestSpan
    prediction: Prediction
    model: Evaluation
    baselines: tuple[Evaluation, ...]
    intervals: Mapping[str, Interval]
    differences: tuple[Difference, ...]
    spa: SpaResult | None
    confidence_set: ConfidenceSet | None
    reliability: tuple[ReliabilityBin, ...]
    block_length: float
    samples: int

    @property
    def all(self) -> tuple[Evaluation, ...]:
        """The model first."""
        return (self.model, *self.baselines)

    def difference(self, metric: str, baseline: str) -> Difference:
        """The one of this metric and baseline.

        Raises:
            KeyError: it is not compared.
        """
        for each in self.differences:
            if (each.metric, each.baseline) == (metric, baseline):
                return each
        raise KeyError(f"{metric} above {baseline}")


def report(
    span: TestSpan,
    model: Prediction,
    baselines: Sequence[Prediction] = (),
    samples: int = SAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> Report:
    """Judge the model and the baselines, and resample all of them together.

    Dates are resampled in blocks (stationary bootstrap) of one length for all scores, the longest
    of those that suit the log scores and the returns, so that scores and their differences are of
    the same resamples.

    Args:
        span: what happened.
        model: what the model said.
        baselines: what others said of the same rows.
        samples: how many resamples.
        seed: of them.
        level: of the intervals.

    Raises:
        InvalidConfig: too few rows, constant outcomes, a number that is not finite, or a name
            twice.
    """
    names = [model.name, *(each.name for each in baselines)]
    if len(set(names)) != len(names):
        raise InvalidConfig(f"each forecaster needs a name of its own, got {names}")
    judged, others = judge(span, model), tuple(judge(span, each) for each in baselines)
    block = _block(span, judged)
    resamples = resample(len(span.dates), block, samples, seed)
    values = resampled(judged, resamples)
    paths = _paths(judged, resamples)
    losses = _losses(span, (judged, *others))
    return Report(
        span=span,
        prediction=model,
        model=judged,
        baselines=others,
        intervals={name: interval(each, level) for name, each in {**values, **paths}.items()},
        differences=tuple(_differences(judged, values, others, resamples, level)),
        spa=_superior(losses, samples, seed),
        confidence_set=(
            model_confidence_set(losses, samples=samples, seed=seed) if len(others) > 1 else None
        ),
        reliability=calibration.reliability(model.probability_up, span.realised > 0.0),
        block_length=block,
        samples=samples,
    )


def resampled(evaluation: Evaluation, resamples: Resamples) -> dict[str, Vector]:
    """(samples,) of every score that is a function of means over dates."""
    means = evaluation.moments.resampled(resamples)
    return {name: formula(means) for name, formula in evaluation.formulas.items()}


def _paths(evaluation: Evaluation, resamples: Resamples) -> dict[str, Vector]:
    """(samples,) of the scores that depend on the order of the returns."""
    if not evaluation.trades:
        return {}
    drawdown, growth = drawdown_and_growth(resamples, evaluation.returns.to_numpy())
    return {"max_drawdown_share": drawdown, "total_return_share": np.expm1(growth)}


def _block(span: TestSpan, judged: Evaluation) -> float:
    by_date = span.by_date(judged.log_scores) / span.by_date(np.ones(len(span)))
    series = [by_date]
    if judged.trades:
        series.append(judged.returns.to_numpy())
    return block_length(*series)


def _differences(
    model: Evaluation,
    values: Mapping[str, Vector],
    others: Sequence[Evaluation],
    resamples: Resamples,
    level: float,
) -> list[Difference]:
    found = []
    for other in others:
        theirs = resampled(other, resamples)
        for name in COMPARED:
            if name in values and name in theirs:
                value = model.metrics[name] - other.metrics[name]
                between = interval(values[name] - theirs[name], level)
                found.append(Difference(name, other.name, value, between))
    return found


def _losses(span: TestSpan, judged: Sequence[Evaluation]) -> pd.DataFrame:
    """Negative mean log score by date, a column each forecaster."""
    rows = span.by_date(np.ones(len(span)))
    return pd.DataFrame({each.name: -span.by_date(each.log_scores) / rows for each in judged})


def _superior(losses: pd.DataFrame, samples: int, seed: int) -> SpaResult | None:
    """Whether any other is better than the first; None without two others."""
    first, *others = losses.columns
    if len(others) < 2:
        return None
    benchmark, table = losses[first].to_numpy(), losses[others].to_numpy()
    return superior_predictive_ability(benchmark, table, others, samples, seed)
