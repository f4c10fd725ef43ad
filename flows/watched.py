"""Watched: the model version that a monitor looks at, and where its recent data are."""

from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient

from flows.command_line import NONE, given
from flows.recent import Recent, Times, recent_bars
from flows.recent_log import recent_log
from flows.source import BarsOptions
from ordinis_mlflow import flavor
from ordinis_mlflow.bars import Bars, instant
from ordinis_mlflow.drift import DriftReference
from ordinis_mlflow.errors import InvalidBars, InvalidConfig
from ordinis_mlflow.flavor import SignalModel
from ordinis_mlflow.store import open_store, read, read_manifest

AHEAD = pd.Timedelta(days=1)


@dataclass(frozen=True, eq=False)
class Watched:
    """A registered version with what is normal for it.

    Attributes:
        name: in the registry.
        version: its number.
        trained_by: MLflow's id of the run that logged it.
        model_id: MLflow's id of the logged model; "" for versions from before there were ids.
        model: loaded, and proven.
        reference: fitted when it was trained.
    """

    name: str
    version: str
    trained_by: str
    model_id: str
    model: SignalModel
    reference: DriftReference

    @property
    def known(self) -> int:
        """Newest bar that was known when it was trained, UTC nanoseconds.

        Not the newest that its weights were fitted to: what a training keeps back to stop by and to
        judge by would make a model of today old.
        """
        return int(np.datetime64(self.model.contract.data_last, "ns").astype("int64"))


def watched(name: str, alias: str) -> Watched:
    """The version that has an alias.

    Raises:
        MlflowException: there is none.
        PackageError: it cannot be loaded as it was promoted.
        InvalidConfig: it has no drift reference.
    """
    version = MlflowClient().get_model_version_by_alias(name, alias)
    model = flavor.load_model(f"models:/{name}/{version.version}")
    if not model.drift:
        raise InvalidConfig(
            f"version {version.version} of {name} has no drift reference: it was trained on too "
            "few rows for one, or packaged before there were any; train it anew, or package it "
            "anew with the entry point export"
        )
    source = version.source or ""
    model_id = source.removeprefix("models:/") if source.startswith("models:/m-") else ""
    reference = DriftReference.from_bytes(model.drift)
    return Watched(name, str(version.version), version.run_id or "", model_id, model, reference)


@dataclass(frozen=True)
class NewestOptions(BarsOptions):
    """Where the newest bars are.

    Attributes:
        dataset: of the store, its newest bars, instead of ``bars``.
        snapshot: of the store, of bars or features, instead of ``bars``.
        until: newest bar that counts; all of them by default.
    """

    dataset: str = NONE
    snapshot: str = NONE
    until: str = NONE

    def __post_init__(self) -> None:
        super().__post_init__()
        if given(self.dataset) and given(self.snapshot):
            raise InvalidConfig("bars have one source, got dataset and snapshot")
        self.moment()

    def moment(self) -> pd.Timestamp | None:
        """``until``."""
        until = given(self.until)
        return instant(until, "until") if until else None

    def newest_bars(self) -> Bars:
        """The bars of the source up to ``until``.

        Raises:
            InvalidBars: they break a rule, or there are none.
            StoreError: of the store.
        """
        return self._bars_known().between(end=self.moment())

    def _bars_known(self) -> Bars:
        dataset, snapshot = given(self.dataset), given(self.snapshot)
        if not (dataset or snapshot):
            return self.load_table().bars()
        store = open_store(mlflow.get_tracking_uri())
        manifest = read_manifest(store.files, snapshot or store.catalogue.head(str(dataset)))
        return read(store.files, manifest.bars or manifest.name).bars()


@dataclass(frozen=True)
class RecentOptions(NewestOptions):
    """What a model was asked lately.

    Attributes:
        log_folder: of the prediction log: what was really asked and answered. The bars then tell
            what happened afterwards, and are what a retraining is done on.
    """

    log_folder: str = NONE

    def recent(self, of: Watched) -> Recent:
        """What the version reads and says.

        Raises:
            InvalidBars: the bars break a rule, there are none, or one is of the future.
            StoreError: of the store.
            PredictionLogError: of the log.
            InvalidConfig: the log has no answer of this version.
        """
        folder, until, rows = given(self.log_folder), self.moment(), of.reference.window
        if folder:
            found = recent_log(of.model, of.name, of.version, Path(folder), until, rows)
        else:
            found = recent_bars(of.model, self.newest_bars(), rows)
        refuse_future(found.times)
        return found


def refuse_future(times: Times) -> None:
    """A loop that had looked at such a bar would look at no other until its time has come.

    Raises:
        InvalidBars: the newest is more than a day from now; so much a date alone may be ahead.
    """
    newest = pd.Timestamp(int(times[-1]), tz="UTC")
    if newest > pd.Timestamp.now(tz="UTC") + AHEAD:
        raise InvalidBars(
            f"the newest bar is of {newest.isoformat()}, which is still to come: check the time "
            "zone of the source and this machine's clock, or leave such bars out with until=..."
        )
