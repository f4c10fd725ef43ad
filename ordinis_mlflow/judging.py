"""Judging: a packaged model on bars that it has not seen, beside baselines.

Floor 4: joins the loaded model, the preparation of rows, the baselines and the evaluation.
"""

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


def unseen_span(model: SignalModel, bars: Bars, cost_bps: float) -> Unseen:
    """Find what the model can be judged on.

    Raises:
        InvalidBars: bars of another frequency.
        TooFewBars: too few for one window and its label, or none after the model's training.
        InvalidConfig: the installed feature set is not the model's.
    """
    contract = model.contract
    features = _features(model)
    forecast = Forecast(contract.horizon, contract.degrees_of_freedom, contract.no_trade_band)
    table = features_of(bars, features)
    rows = labelled(bars, table, features, forecast, contract.volatility, contract.sequence_length)
    until = contract.unseen_after
    times, ends = rows.times[rows.ready], rows.ends[rows.ready]
    test, seen = np.flatnonzero(times > until), np.flatnonzero(ends <= until)
    if not test.size:
        raise TooFewBars(
            f"the model saw bars up to {until}, and none of these {len(rows.times)} bars with a "
            f"window and a label is later (the last is of {times.max()}): give newer bars"
        )
    return Unseen(rows, seen, test, forecast, span_of(rows, test, forecast.horizon, cost_bps))


def judge_model(
    model: SignalModel, bars: Bars, unseen: Unseen, samples: int, seed: int = 0
) -> Report:
    """Ask the model for its signals and compare them with what happened.

    Baselines are fitted on what the model could have seen, where the bars hold some of it.

    Raises:
        InvalidConfig: too few rows to judge, or to fit the baselines on.
    """
    signal = _at(model.signals(bars), unseen.span)
    said = Prediction.of_signal("model", signal, unseen.forecast.degrees_of_freedom)
    if not unseen.seen.size:
        raise InvalidConfig(
            "baselines are fitted on bars from before the model's test span, and there are none: "
            f"give bars that begin well before {model.contract.unseen_after}"
        )
    baselines = [
        each.predict(unseen.rows, unseen.seen, unseen.test, unseen.forecast) for each in ALL
    ]
    return report(unseen.span, said, baselines, samples, seed)


def _features(model: SignalModel) -> FeatureSet:
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
