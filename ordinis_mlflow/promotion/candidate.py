"""Candidate: a registered model version that asks for a target, and what can be found out of it."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from ordinis_mlflow.bars import Bars
from ordinis_mlflow.contract import ModelContract
from ordinis_mlflow.errors import (
    InvalidContract,
    ManifestMismatch,
    OrdinisError,
    PackageError,
    StoreError,
    TooFewBars,
)
from ordinis_mlflow.evaluation import Report
from ordinis_mlflow.flavor import SignalModel
from ordinis_mlflow.flavor.manifest import WRITTEN_ON_DOWNLOAD
from ordinis_mlflow.flavor.package import Package, read_package
from ordinis_mlflow.judging import judge_models, unseen_span
from ordinis_mlflow.revisions import LAST
from ordinis_mlflow.store import Manifest, Store, read, read_manifest

CANDIDATE, CHAMPION = "candidate", "champion"
"""Names of the two in a report."""
SAMPLES = 1000
MOST_WINDOWS = 4096
"""Newest windows that graphs are compared on: more say nothing new, and would fill the memory."""
UNUSABLE = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, MemoryError)
"""What absurd numbers in a package lead to, here and in NumPy."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A version, with everything that a gate may ask of it; found once and shared by all gates.

    Whatever a client put into the folder, asking raises an OrdinisError or answers.

    Attributes:
        name: of the registered model.
        version: its number.
        target: ``Production``, ``Staging`` or an alias such as ``@challenger``.
        folder: its files, where only the server writes.
        digests: path to SHA-256 of every file, as the server found them.
        run_id: of the run that logged it; None if it was registered without.
        created_at: when the version was registered, UTC nanoseconds.
        champion: the version that has the target now; None for the first.
        store: of features, for the bars of its snapshot; None if the server has none.
        cost_bps: cost of one unit of turnover in ``report``, basis points.
        tracking_uri: of the store in which attempts are counted; None for MLflow's own setting.
    """

    name: str
    version: str
    target: str
    folder: Path
    digests: Mapping[str, str]
    run_id: str | None
    created_at: int
    champion: "Candidate | None" = None
    store: Store | None = None
    cost_bps: float = 1.0
    tracking_uri: str | None = None

    def __str__(self) -> str:
        return f"{self.name} version {self.version}"

    @cached_property
    def package(self) -> Package:
        """What the folder holds.

        Raises:
            PackageError: a file was changed, or the format is another.
            InvalidContract: a file cannot be read.
        """
        with _said("the package cannot be read"):
            return read_package(self.folder)

    @property
    def contract(self) -> ModelContract:
        """What the model promises; as ``package``."""
        return self.package.contract

    @property
    def fitted_last(self) -> np.datetime64:
        """The newest time that anything it was fitted or chosen by reaches; as ``package``."""
        with _said("the contract states no time of its newest bar"):
            found = self.contract.unseen_after
            if np.isnat(found):
                raise InvalidContract(
                    f"the contract states fitted_last {self.contract.fitted_last!r}, no time"
                )
            return found

    @cached_property
    def models(self) -> Mapping[str, SignalModel]:
        """Every packaged precision, loaded; each has answered its probe on this machine.

        Raises:
            PackageError: one of them must not be served.
        """
        with _said("the model cannot be loaded"):
            return {each: SignalModel(self.package, each) for each in self.package.graphs}

    @property
    def model(self) -> SignalModel:
        """The float32 graph; as ``models``."""
        try:
            return self.models["float32"]
        except KeyError as error:
            raise PackageError("the package has no float32 graph: log the model anew") from error

    @cached_property
    def snapshot(self) -> Manifest:
        """The snapshot of features that the contract names.

        Raises:
            StoreError: there is no such snapshot, or no store.
            InvalidContract: the contract names none, or one of bars.
        """
        name = self.contract.data_snapshot
        if not name:
            raise InvalidContract(
                "the contract names no snapshot: train on bars of the feature store, so that what "
                "it was trained on can be read again"
            )
        with _said(f"snapshot {name!r} cannot be read"):
            found = read_manifest(_given(self.store).files, name)
        if not found.bars:
            raise InvalidContract(f"snapshot {name} holds bars, and no features to train on")
        return found

    @cached_property
    def bars(self) -> Bars:
        """What the snapshot was computed from, as of the moment that the contract states.

        Raises:
            StoreError: it cannot be read.
            TooFewBars: nothing was known at that moment.
        """
        moment = self.contract.data_as_of
        with _said("the bars of its snapshot cannot be read"):
            whole = read(
                _given(self.store).files, self.snapshot.bars, LAST if moment is None else moment
            ).bars()
            out = self.snapshot.left_out
            return Bars(tuple(each for each in whole.parts if each.symbol not in out))

    @cached_property
    def windows(self) -> npt.NDArray[np.float64]:
        """Windows of bars that end in the reserved span: of each symbol the newest.

        Returns:
            Shape (windows, lookback, 5).

        Raises:
            TooFewBars: no bar is later than what the model was fitted to.
        """
        lookback, most = self.contract.lookback, max(1, MOST_WINDOWS // len(self.bars.parts))
        until, found = self.fitted_last.astype(np.int64), []
        for series in self.bars.series():
            later = int((series.nanoseconds() > until).sum())
            count = min(later, most, max(0, len(series) - lookback + 1))
            if count:
                tail = series.values[-(count + lookback - 1) :]
                found.append(sliding_window_view(tail, lookback, axis=0).swapaxes(1, 2))
        if not found:
            raise TooFewBars(
                f"none of its {len(self.bars)} bars is later than {self.fitted_last}, "
                "until when it was fitted: nothing is left to judge it on; train with a test span"
            )
        return np.concatenate(found)

    @cached_property
    def report(self) -> Report:
        """Its numbers on the reserved span, beside the champion's and the baselines', after costs.

        On decisions that neither it nor the champion has seen anything of.

        Raises:
            PackageError: it or the champion cannot be loaded.
            StoreError: the bars cannot be read.
            OrdinisError: nothing is left that both have not seen, or they forecast other things.
        """
        models = {CANDIDATE: self.model}
        if self.champion is not None:
            models[CHAMPION] = self.champion._beside()
        with _said("the model cannot be judged"):
            unseen = unseen_span(list(models.values()), self.bars, self.cost_bps)
            return judge_models(models, self.bars, unseen, SAMPLES)

    def _beside(self) -> SignalModel:
        try:
            return self.model
        except OrdinisError as error:
            raise PackageError(
                f"the champion, {self}, cannot be loaded to compare with: {error}; roll back to a "
                "version that can"
            ) from error


def digests_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a downloaded version, by its path in the folder.

    What MLflow itself writes beside a download is left out: it is none of the version's files.

    Raises:
        ManifestMismatch: there is none, or one is a link or no file.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise ManifestMismatch(f"{name} is a link or no file: a version holds files only")
        if path.is_file() and name not in WRITTEN_ON_DOWNLOAD:
            with path.open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    if not found:
        raise ManifestMismatch("the version has no files: log the model anew")
    return found


def _given(store: Store | None) -> Store:
    if store is None:
        raise StoreError(
            "this server has no feature store to read the model's snapshot from: set ORDINIS_STORE"
        )
    return store


@contextmanager
def _said(what: str) -> Iterator[None]:
    """What a hostile package leads to, as an error with a message."""
    try:
        yield
    except OrdinisError:
        raise
    except UNUSABLE as error:
        raise InvalidContract(f"{what}: {type(error).__name__}: {error}") from error
