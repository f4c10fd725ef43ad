"""The model that is measured: the default network on ``technical@1``, untrained and seeded.

Timing does not depend on the weights; bars are the S&P 500's (``arch.data.sp500``).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from numpy.lib.stride_tricks import sliding_window_view

from flows.options import TrainOptions
from flows.packaging import BarWindows, contract_of
from flows.training import Training, load
from ordinis_mlflow.flavor.package import Package
from ordinis_mlflow.flavor.probe import Probe
from ordinis_mlflow.graph.export import SignalGraph, export_graph
from ordinis_mlflow.graph.quantize import quantize_dynamic
from ordinis_mlflow.graph.session import GraphSession, SessionSettings
from ordinis_mlflow.network import LSTMConfig, SignalLSTM

CPU = SessionSettings(provider="cpu")


@dataclass(frozen=True, eq=False)
class Measured:
    """The model's parts.

    Attributes:
        training: settings and data.
        network: untrained.
        module: features, scaler, network and signal in torch.
    """

    training: Training
    network: SignalLSTM
    module: SignalGraph

    def bars(self, windows: int) -> npt.NDArray[np.float64]:
        """The latest windows of raw bars, shape (windows, lookback, 5)."""
        rows = self.training.prepared.rows.ready[-windows:]
        return BarWindows(self.training).at(rows)

    def features(self, windows: int) -> npt.NDArray[np.float32]:
        """The same windows as scaled features, shape (windows, steps, features)."""
        samples = self.training.prepared.test
        view = sliding_window_view(samples.table, samples.steps, axis=0).swapaxes(1, 2)
        return np.ascontiguousarray(view[-windows:])

    def package(self, int8: bool = False) -> Package:
        """As it would be logged, without a checkpoint to train on from."""
        exported = export_graph(self.module)
        graphs = {"float32": exported.SerializeToString()}
        if int8:
            graphs["int8"] = quantize_dynamic(exported).SerializeToString()
        probed = self.bars(4)
        answers = {name: GraphSession(graph, CPU).run(probed) for name, graph in graphs.items()}
        return Package(
            graphs=graphs,
            scaler=self.training.prepared.scaler,
            contract=contract_of(self.training),
            probe=Probe(probed, answers),
            checkpoint=b"",
        )


def measured() -> Measured:
    """The default model."""
    training = load(TrainOptions(), LSTMConfig())
    torch.manual_seed(0)
    network = SignalLSTM(len(training.prepared.scaler.names), training.config)
    torch.nn.init.normal_(network.head.weight, std=0.1)
    module = SignalGraph(
        training.options.feature_set(),
        training.prepared.scaler,
        network,
        training.forecast,
        contract_of(training).volatility,
        training.config.sequence_length,
    )
    return Measured(training, network.eval(), module.eval())
