"""Counting what plain ``mlflow models serve`` predicts, when the environment asks for it.

``ORDINIS_METRICS_PORT`` names the port of ``/metrics``; ``ORDINIS_METRICS_HOST`` the address, by
default that of the loopback interface.
"""

import os
import re
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from ordinis_mlflow.errors import InvalidConfig, InvalidWindows
from ordinis_mlflow.flavor.model import SignalModel
from ordinis_mlflow.signal import Signal

if TYPE_CHECKING:
    from ordinis_mlflow.telemetry import ServingMetrics

PORT, HOST = "ORDINIS_METRICS_PORT", "ORDINIS_METRICS_HOST"
ARM, ROUTE = "champion", "/invocations"
UNREGISTERED = ("unregistered", "")


def counted(
    model: SignalModel, registered: tuple[str, str] | None = None
) -> Callable[[Any], Signal]:
    """``model.predict``, counted at a side port if the environment names one.

    Args:
        model: to be asked.
        registered: its name and version, if it comes from a registry.

    Raises:
        InvalidConfig: the port is no port, or prometheus_client is not installed.
        ServingError: the port cannot be had.
    """
    text = os.environ.get(PORT)
    if not text:
        return model.predict
    metrics = _metrics(text)
    # Packages from before it was kept do not say what they were fitted to.
    last = model.contract.fitted_last
    fitted_last = pd.Timestamp(last) if last else None
    metrics.serving(ARM, *(registered or UNREGISTERED), fitted_last, time.time())
    return partial(_predict, model, metrics)


def _predict(model: SignalModel, metrics: "ServingMetrics", windows: Any) -> Signal:
    start = time.perf_counter()
    try:
        signal = model.predict(windows)
    except Exception as error:
        metrics.failed("invalid_windows" if isinstance(error, InvalidWindows) else "internal")
        # MLflow's status for whatever a model raises.
        metrics.answered(ROUTE, 400, time.perf_counter() - start)
        raise
    seconds = time.perf_counter() - start
    metrics.ran(len(signal), seconds)
    metrics.signalled(signal, ARM)
    metrics.answered(ROUTE, 200, seconds)
    return signal


def _metrics(text: str) -> "ServingMetrics":
    if not (re.fullmatch(r"[0-9]{1,5}", text) and 0 < int(text) < 65536):
        raise InvalidConfig(f"{PORT} must be a port, 1 to 65535, or not set; got {text[:40]!r}")
    try:
        # Imported late: a serving environment need not have prometheus_client.
        from ordinis_mlflow.telemetry.side_port import LOOPBACK, side_port
    except ModuleNotFoundError as error:
        raise InvalidConfig(
            f"{PORT} is {text}, and {error.name} is not installed here: pip install "
            '"ordinis-mlflow[serve]" in the environment that serves, or unset the variable'
        ) from error
    return side_port(int(text), os.environ.get(HOST) or LOOPBACK)
