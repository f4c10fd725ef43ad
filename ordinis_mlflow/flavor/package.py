"""The packaged model, format 1: what lies in the folder, and how it is written and read.

A new number is needed whenever a reader of the old one would misread a new package. To bump it:
move this reader to ``flavor/old/format_<n>.py`` and leave it there, raise :data:`FORMAT`, teach
:func:`read_package` to pick a reader by the contract's number, keep a package of the old format
under ``tests/`` and load it in a test, and say in docs/adr what changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from ordinis_mlflow.bars import COLUMNS
from ordinis_mlflow.contract import ModelContract
from ordinis_mlflow.errors import (
    InvalidConfig,
    InvalidContract,
    OrdinisError,
    ScalerMismatch,
    UnsupportedFormat,
    UnusableGraph,
)
from ordinis_mlflow.features import Scaler
from ordinis_mlflow.flavor.manifest import verify_manifest
from ordinis_mlflow.flavor.probe import Probe
from ordinis_mlflow.graph.session import RUNTIME_ERRORS, GraphSession, SessionSettings

FORMAT = 1
Precision: TypeAlias = Literal["float32", "int8", "fp16"]
GRAPHS: Mapping[str, str] = {
    "float32": "model.onnx",
    "int8": "model.int8.onnx",
    "fp16": "model.fp16.onnx",
}
SCALER, CONTRACT, PROBE = "scaler.json", "contract.json", "probe.npz"
CHECKPOINT, DRIFT = "checkpoint.safetensors", "drift.npz"


@dataclass(frozen=True)
class Package:
    """Everything that a model is.

    Attributes:
        graphs: precision to the ONNX graph's bytes; ``float32`` is always there.
        scaler: equal to the graphs' constants.
        contract: what the model promises.
        probe: fixed bars with the answers of each graph.
        checkpoint: the safetensors file to train on from.
        drift: what :meth:`DriftReference.from_bytes` reads; empty where there were too few rows to
            fit one, and in packages from before there was one. Serving does not read it.
    """

    graphs: Mapping[str, bytes]
    scaler: Scaler
    contract: ModelContract
    probe: Probe
    checkpoint: bytes
    drift: bytes = b""

    def write(self, folder: Path) -> None:
        """Write every file but MLflow's own and the manifest, which come after."""
        for precision, graph in self.graphs.items():
            (folder / GRAPHS[precision]).write_bytes(graph)
        (folder / SCALER).write_text(self.scaler.to_json())
        (folder / CONTRACT).write_text(self.contract.to_json())
        (folder / PROBE).write_bytes(self.probe.to_bytes())
        (folder / CHECKPOINT).write_bytes(self.checkpoint)
        if self.drift:
            (folder / DRIFT).write_bytes(self.drift)


def read_package(folder: Path) -> Package:
    """Read a package whose every file is as it was written.

    Raises:
        ManifestMismatch: a file was changed, removed or added.
        UnsupportedFormat: another format number.
        InvalidContract: a file cannot be read, or the probe is of other windows.
        ScalerMismatch: scaler and contract are of different features.
    """
    verify_manifest(folder)
    contract = ModelContract.from_json(_content(folder / CONTRACT).decode(errors="replace"))
    if contract.format != FORMAT:
        raise UnsupportedFormat(
            f"the model has package format {contract.format}, this version of ordinis_mlflow reads "
            f"{FORMAT}: load it with the version that wrote it, or package it anew"
        )
    scaler = Scaler.from_json(_content(folder / SCALER).decode(errors="replace"))
    if scaler.names != contract.features:
        raise ScalerMismatch(
            f"scaler.json is of features {scaler.names}, the contract of {contract.features}"
        )
    graphs = {p: folder / name for p, name in GRAPHS.items() if (folder / name).exists()}
    probe = Probe.from_bytes(_content(folder / PROBE))
    if probe.bars.shape[1:] != (contract.lookback, len(COLUMNS)):
        # Before anything is made as long as a contract claims: memory ends before numbers do.
        raise InvalidContract(
            f"the probe's windows have shape {probe.bars.shape[1:]}, those of the contract "
            f"{(contract.lookback, len(COLUMNS))}"
        )
    return Package(
        graphs={precision: path.read_bytes() for precision, path in graphs.items()},
        scaler=scaler,
        contract=contract,
        probe=probe,
        checkpoint=_content(folder / CHECKPOINT),
        drift=_content(folder / DRIFT) if (folder / DRIFT).exists() else b"",
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidContract(f"the package has no readable {path.name}: {error}") from error


def open_session(
    package: Package, precision: str, settings: SessionSettings | None = None
) -> GraphSession:
    """A session that has proven itself: its constants are the scaler's, its answers the probe's.

    Raises:
        InvalidConfig: the package has no graph of that precision.
        UnusableGraph: ONNX Runtime cannot load the graph, or it is of another shape.
        ScalerMismatch: scaler.json and the graph normalise differently.
        ProbeFailed: the graph answers differently on this machine.
        ProviderUnavailable: the provider asked for cannot run.
    """
    if precision not in package.graphs:
        raise InvalidConfig(
            f"the model has no {precision!r} graph; it has {sorted(package.graphs)}"
        )
    try:
        session = GraphSession(package.graphs[precision], settings)
        _check_scaler(session, package)
        package.probe.check(session, precision)
    except OrdinisError:
        raise
    except (*RUNTIME_ERRORS, ValueError) as error:
        raise UnusableGraph(
            f"{GRAPHS[precision]} cannot be run as the contract says: {error}"
        ) from error
    return session


def _check_scaler(session: GraphSession, package: Package) -> None:
    constants = session.scaler_constants(package.contract.lookback)
    for name, held, stated in zip(
        ("center", "scale"), constants, (package.scaler.center, package.scaler.scale), strict=True
    ):
        if not np.array_equal(held, stated):
            raise ScalerMismatch(
                f"scaler.json and the graph differ in {name}: {list(stated)} against "
                f"{held.tolist()}; serving would normalise differently from training"
            )
