"""Loading: from a model's URI to a version that may be served."""

import hashlib
import os
import re
import tempfile
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from ordinis_mlflow import flavor
from ordinis_mlflow.flavor import SignalModel
from ordinis_mlflow.flavor.manifest import MANIFEST
from ordinis_mlflow.flavor.proof import registered
from ordinis_mlflow.graph.session import SessionSettings
from ordinis_mlflow.serving import registry
from ordinis_mlflow.serving.arms import Served
from ordinis_mlflow.serving.batching import Batcher
from ordinis_mlflow.serving.pace import Pace
from ordinis_mlflow.serving.settings import DEFAULT, ServingSettings
from ordinis_mlflow.telemetry import ServingMetrics

DIGITS = 12
"""Of a digest that stands for a version."""
_RUN = re.compile(r"runs:/(?P<id>[^/]+)(/.*)?")


@dataclass(frozen=True)
class Loader:
    """Loads, proves and warms up versions. Safe to use from several threads.

    Attributes:
        settings: of the server.
        executor: for the batchers.
        metrics: for the batchers.
    """

    settings: ServingSettings
    executor: Executor
    metrics: ServingMetrics

    def load(self, uri: str, arm: str) -> Served:
        """A version, whole, proven by its probe and warmed up; nothing of it is left on the disk.

        Args:
            uri: any of MLflow's, or a folder, which stays as it is.
            arm: that it is to serve.

        Raises:
            PackageError: it must not be served.
            InvalidConfig: it has no graph of the precision asked for.
            ModelUnavailable: it cannot be had.
        """
        if os.path.isdir(uri):
            return self._loaded(uri, Path(uri), arm)
        with tempfile.TemporaryDirectory(prefix="ordinis-model-") as scratch:
            return self._loaded(uri, registry.download(uri, scratch), arm)

    def served(self, model: SignalModel, name: str, version: str, arm: str) -> Served:
        """A loaded model with a queue of its own."""
        pace = Pace.measure(model, model.probe_bars)
        batcher = Batcher(model.run, pace, self.settings.batching, self.executor, self.metrics)
        return Served(arm, name, version, model, batcher)

    def _loaded(self, uri: str, folder: Path, arm: str) -> Served:
        model = self._model(str(folder), arm)
        name, version = registered(folder) or (_name(uri), _digest(folder))
        return self.served(model, name, version, arm)

    def _model(self, folder: str, arm: str) -> SignalModel:
        precision = self.settings.precision
        if self.settings.session == DEFAULT:
            return flavor.load_model(folder, precision=precision, settings=SessionSettings())
        opened = flavor.load_proposed(folder, precision=precision)
        self.metrics.opened(arm, opened.fate)
        return opened.model


def _name(uri: str) -> str:
    """Of what is in no registry: a run's own, or the last part of a path."""
    match = _RUN.fullmatch(uri)
    if match:
        return registry.run_name(match["id"])
    return Path(uri).resolve().name if os.path.isdir(uri) else uri.rstrip("/").rpartition("/")[2]


def _digest(folder: Path) -> str:
    """The manifest stands for all files: it lists their digests."""
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()[:DIGITS]
