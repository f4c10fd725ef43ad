"""Judging: packaged models on bars that they have not seen, beside baselines.

Floor 4: joins loaded models, the preparation of rows, the baselines and the evaluation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.bars import Bars
from ordinis_mlflow.baselines import ALL
from ordinis_mlflow.errors import InvalidConfig, TooFewBars
from ordinis_mlflow.evaluation import Report, TestSpan, report, span_of
from ordinis_mlflow.features import FeatureSet, feature_set
from ordinis_mlflow.flavor import SignalModel
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.prepare import Rows, features_of, labelled
from ordinis_mlflow.signal import Signal


@dataclass(frozen=True, eq=False)
class Unseen:
    """The rows of some bars that a model has seen nothing of.

    Attributes:
        rows: of all bars.
        seen: positions in ``rows.ready`` whose labels were known when training ended.
        test: positions in ``rows.ready`` of later decisions.
        forecast: what the model forecasts.
        span: what happened at the test rows.
    """

    rows: Rows
    seen: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]
    forecast: Forecast
    span: TestSpan


def unseen_span(models: Sequence[SignalModel], bars: Bars, cost_bps: float) -> Unseen:
    """Find what models can be judged on: what none of them has seen.

    Args:
        models: the one that is judged first; what it forecasts, the others must forecast too.
        bars: with the history before the test span.
        cost_bps: cost of one unit of turnover, basis points.

    Raises:
        InvalidBars: bars of another frequency.
        TooFewBars: too few for one window and its label, or none after the models' training.
        InvalidConfig: the installed feature set is not the model's, or another model forecasts
            something else.
    """
    first, *others = (model.contract for model in models)
    for other in others:
        if (other.horizon, other.volatility) != (first.horizon, first.volatility):
            raise InvalidConfig(
                "models are compared on one outcome, but one forecasts "
                f"{first.horizon} bars in units of {first.volatility} and another {other.horizon} "
                f"bars in units of {other.volatility}"
            )
    forecast = Forecast(first.horizon, first.degrees_of_freedom, first.no_trade_band)
    features = features_of_model(models[0])
    # The longest window of all: every model must have an answer for each row.
    steps = max(each.lookback for each in (first, *others)) - features.lookback + 1
    table = features_of(bars, features)
    rows = labelled(bars, table, features, forecast, first.volatility, steps)
    until = max(each.unseen_after for each in (first, *others))
    times, ends = rows.times[rows.ready], rows.ends[rows.ready]
    test, seen = np.flatnonzero(times > until), np.flatnonzero(ends <= until)
    if not test.size:
        raise TooFewBars(
            f"the model saw bars up to {until}, and none of these {len(rows.times)} bars with a "
            f"window and a label is later (the last is of {times.max()}): give newer bars"
        )
    return Unseen(rows, seen, test, forecast, span_of(rows, test, forecast.horizon, cost_bps))


def judge_models(
    models: Mapping[str, SignalModel], bars: Bars, unseen: Unseen, samples: int, seed: int = 0
) -> Report:
    """Ask the models for their signals and compare them with what happened.

    Baselines are fitted on what the models could have seen.

    Args:
        models: by name; the first is judged beside the others and the baselines.
        bars: as for :func:`unseen_span`.
        unseen: what that gave.
        samples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InvalidConfig: too few rows to judge, or to fit the baselines on.
    """
    if not unseen.seen.size:
        raise InvalidConfig(
            "baselines are fitted on bars from before the test span, and there are none: give bars "
            f"that begin well before {unseen.span.dates[0]}"
        )
    said, *others = (
        Prediction.of_signal(
            name, _at(model.signals(bars), unseen.span), model.contract.degrees_of_freedom
        )
        for name, model in models.items()
    )
    baselines = [
        each.predict(unseen.rows, unseen.seen, unseen.test, unseen.forecast) for each in ALL
    ]
    return report(unseen.span, said, [*others, *baselines], samples, seed)


def features_of_model(model: SignalModel) -> FeatureSet:
    """The features that a model reads, as they are installed.

    Raises:
        InvalidConfig: the installed feature set is not the model's.
    """
    contract = model.contract
    features = feature_set(contract.feature_set)
    if features.names != contract.features:
        raise InvalidConfig(
            f"{contract.feature_set} has the features {features.names} here and had "
            f"{contract.features} when the model was trained: install the version it was trained in"
        )
    return features


def _at(signals: pd.DataFrame, span: TestSpan) -> Signal:
    """The signals of the span's rows, in its order."""
    keys = pd.MultiIndex.from_arrays(
        [span.symbols.astype(object), pd.to_datetime(span.times, utc=True)]
    )
    found = signals.set_index(["symbol", "timestamp"]).loc[keys]
    return Signal(*(found[name].to_numpy() for name in Signal.names()))
