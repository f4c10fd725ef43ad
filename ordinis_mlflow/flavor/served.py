"""The pyfunc wrapper: MLflow's input to the model, our errors to MLflow's."""

from typing import Any

import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from ordinis_mlflow.errors import InvalidWindows, OrdinisError
from ordinis_mlflow.flavor.model import SignalModel
from ordinis_mlflow.flavor.side_port import counted
from ordinis_mlflow.graph.session import INPUT


class ServedModel:
    """What ``mlflow.pyfunc.load_model`` and ``mlflow models serve`` call."""

    def __init__(self, model: SignalModel, registered: tuple[str, str] | None = None) -> None:
        self.model = model
        self._predict = counted(model, registered)

    def get_raw_model(self) -> SignalModel:
        """What ``PyFuncModel.get_raw_model`` gives: the model with all it can say of itself."""
        return self.model

    def predict(
        self, data: dict[str, Any] | np.ndarray, params: dict[str, Any] | None = None
    ) -> list[dict[str, float | int]]:
        """One record a window: mean, scale, probability_up, direction, strength.

        Args:
            data: ``{"bars": windows}``, or the windows, of shape (n, lookback, 5).
            params: none are known.

        Raises:
            MlflowException: 400 with our reason in one line; never a stack trace for the client.
        """
        # The one door at which our errors become MLflow's: any other exception would be sent to the
        # client with its stack trace.
        try:
            return self._predict(_windows(data)).records()
        except OrdinisError as error:
            raise MlflowException(str(error), error_code=INVALID_PARAMETER_VALUE) from error


def _windows(data: Any) -> Any:
    if isinstance(data, dict):
        if INPUT not in data:
            raise InvalidWindows(f"send windows under the name {INPUT!r}, got {sorted(data)}")
        data = data[INPUT]
    return data
