"""Loading: from a model's URI to a version that may be served."""

from concurrent.futures import Executor
from dataclasses import dataclass

from ordinis_mlflow import flavor
from ordinis_mlflow.flavor import SignalModel
from ordinis_mlflow.serving.arms import Served
from ordinis_mlflow.serving.batching import Batcher
from ordinis_mlflow.serving.pace import Pace
from ordinis_mlflow.serving.settings import ServingSettings
from ordinis_mlflow.telemetry import ServingMetrics


@dataclass(frozen=True)
class Loader:
    """Loads, proves and warms up versions.

    Attributes:
        settings: of the server.
        executor: for the batchers.
        metrics: for the batchers.
    """

    settings: ServingSettings
    executor: Executor
    metrics: ServingMetrics

    def load(self, uri: str, name: str, version: str, arm: str) -> Served:
        """A version, proven by its probe and warmed up.

        Raises:
            PackageError: it must not be served.
        """
        model = flavor.load_model(uri, precision=self.settings.precision)
        return self.served(model, name, version, arm)

    def served(self, model: SignalModel, name: str, version: str, arm: str) -> Served:
        """A loaded model with a queue of its own."""
        pace = Pace.measure(model, model.probe_bars)
        batcher = Batcher(model.run, pace, self.settings.batching, self.executor, self.metrics)
        return Served(arm, name, version, model, batcher)
