"""Foretold: what a trained network says of the test rows, as its package would."""

import numpy as np

from flows.recalibrating import recalibrate
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.network import SignalLSTM, predict
from ordinis_mlflow.prepare import Prepared
from ordinis_mlflow.signal import Signal


def foretold(
    forecast: Forecast, prepared: Prepared, network: SignalLSTM, recalibrated: bool
) -> Signal:
    """The signals of ``prepared.test``.

    Args:
        forecast: before recalibration.
        prepared: whose validation rows say which recalibration helps.
        network: trained.
        recalibrated: whether probability_up is corrected.
    """
    if recalibrated:
        forecast, _ = recalibrate(forecast, prepared, network)
    location, scale = predict(network, prepared.test)
    rows = prepared.rows
    unit = rows.units[rows.ready[prepared.split.test]].astype(np.float32)
    return Signal(*forecast.signal(location, scale, unit))
