"""Export: features, scaler and network as one ONNX graph from raw bars to the signal.

The only file of this room that imports torch.
"""

import contextlib
import logging
import warnings
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import nn

from ordinis_mlflow.features import VOLATILITY_FLOOR, Banded, BarArrays, FeatureSet, Scaler
from ordinis_mlflow.features import probe_bars as fixed_bars
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.graph.fold import fold_constants
from ordinis_mlflow.graph.merge import merge_products
from ordinis_mlflow.graph.plain_layers import plain_layers
from ordinis_mlflow.graph.session import INPUT, SCALER_CENTER, SCALER_SCALE
from ordinis_mlflow.signal import Signal

OPSET = 20


class SignalGraph(nn.Module):
    """Bars of shape (windows, lookback, 5), float64, to the fields of Signal.

    Features in double precision, the network in float32.

    Args:
        features: what is computed from the bars.
        scaler: fitted on the training rows of those features.
        network: (windows, steps, features) float32 to location and scale.
        forecast: how location and scale become a signal.
        volatility: the feature that is the unit of the forecast.
        steps: rows of features that the network reads.
    """

    def __init__(
        self,
        features: FeatureSet,
        scaler: Scaler,
        network: nn.Module,
        forecast: Forecast,
        volatility: str,
        steps: int,
    ) -> None:
        super().__init__()
        self.features, self.scaler, self.forecast = features, scaler, forecast
        self.network = network.eval()
        self.lookback = features.lookback + steps - 1
        self.volatility_column = features.names.index(volatility)
        self.register_buffer("scaler_center", torch.tensor(scaler.center, dtype=torch.float64))
        self.register_buffer("scaler_scale", torch.tensor(scaler.scale, dtype=torch.float64))
        self.banded = Banded(steps)
        # Fills the cache of banded matrices: made during a trace they would be the trace's own.
        self.features.compute(BarArrays.of(self.example()), self.banded)

    def example(self) -> torch.Tensor:
        """Two windows of fixed bars."""
        bars = torch.from_numpy(fixed_bars(self.lookback + 1))
        return torch.stack([bars[:-1], bars[1:]])

    def forward(self, bars: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """See the class."""
        table = self.features.compute(BarArrays.of(bars), self.banded)
        scaled = (table - self.scaler_center) / self.scaler_scale
        location, scale = self.network(scaled.to(torch.float32))
        volatility = table[:, -1, self.volatility_column].to(torch.float32)
        unit = self.forecast.unit(volatility, VOLATILITY_FLOOR)
        return self.forecast.signal(location, scale, unit)


def export_graph(module: SignalGraph) -> onnx.ModelProto:
    """The module as an ONNX graph with a dynamic number of windows, constants folded.

    Input ``bars``; outputs the fields of Signal, and the scaler's constants, so that a loaded
    session can be asked what it normalises with.
    """
    program = _export(module, module.example(), INPUT, Signal.names())
    for name in (SCALER_CENTER, SCALER_SCALE):
        shape = [len(module.features.names)]
        output = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, shape)
        program.graph.output.append(output)
    return merge_products(plain_layers(fold_constants(program)))


def export_network(network: nn.Module, steps: int, features: int) -> onnx.ModelProto:
    """The bare network as an ONNX graph, to compare with: input ``windows``."""
    example = torch.zeros(2, steps, features)
    return fold_constants(_export(network, example, "windows", ("location", "scale")))


def _export(
    module: nn.Module, example: torch.Tensor, input_name: str, outputs: tuple[str, ...]
) -> onnx.ModelProto:
    with _quiet_exporter():
        program = torch.onnx.export(
            module.eval(),
            (example,),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("windows")},),
            input_names=[input_name],
            output_names=list(outputs),
            opset_version=OPSET,
            external_data=False,
            verbose=False,
        )
    assert program is not None  # None only when the exporter is told to write a file itself
    return program.model_proto


@contextlib.contextmanager
def _quiet_exporter() -> Iterator[None]:
    """The exporter logs and warns of its own parts, which says nothing about ours."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def torch_signal(module: SignalGraph, bars: npt.NDArray[np.float64]) -> Signal:
    """What the module itself answers, run eagerly by torch."""
    with torch.no_grad():
        outputs = module.eval()(torch.from_numpy(bars))
    return Signal(*(output.numpy() for output in outputs))


def history_signal(module: SignalGraph, bars: npt.NDArray[np.float64]) -> Signal:
    """What training computes: NumPy features of each window's history, the scaler, the network."""
    features = module.features
    tables = np.stack([features.history(window)[features.lookback - 1 :] for window in bars])
    scaled = module.scaler.transform(tables).astype(np.float32)
    with torch.no_grad():
        location, spread = module.network(torch.from_numpy(scaled))
    volatility = tables[:, -1, module.volatility_column].astype(np.float32)
    unit = module.forecast.unit(volatility, VOLATILITY_FLOOR)
    return Signal(*module.forecast.signal(location.numpy(), spread.numpy(), unit))
