"""Recalibrating: the correction of probability_up that helps on a training's validation rows."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.network import SignalLSTM, predict
from ordinis_mlflow.prepare import Prepared
from ordinis_mlflow.recalibration_choice import choose
from ordinis_mlflow.verdict import Verdict


def recalibrate(
    forecast: Forecast, prepared: Prepared, network: SignalLSTM
) -> tuple[Forecast, Sequence[Verdict]]:
    """The forecast with the recalibration that is worth keeping, or none, and why.

    The network is asked directly and not a graph, so that there is one export and not two.
    """
    rows = prepared.rows
    at = rows.ready[prepared.split.validation]
    location, scale = predict(network, prepared.validation)
    up = forecast.signal(location, scale, np.ones_like(scale))[2]
    times, lags = (rows.times[at], rows.ends[at]), forecast.horizon + 4
    kept, verdicts = choose(up, rows.labels[at] > 0.0, *times, lags)
    return replace(forecast, recalibration=kept), verdicts
