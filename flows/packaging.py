"""Packaging: a trained checkpoint to a package whose graphs agree with the network."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import numpy as np
import numpy.typing as npt
import onnx
from numpy.lib.stride_tricks import sliding_window_view

from flows.options import VOLATILITY
from flows.recalibrating import recalibrate
from flows.reference import fitted_rows, reference_of
from flows.training import Training
from ordinis_mlflow.contract import ModelContract
from ordinis_mlflow.errors import ExportError, QuantizationError
from ordinis_mlflow.features import VOLATILITY_FLOOR, probe_bars
from ordinis_mlflow.flavor.package import FORMAT, Package
from ordinis_mlflow.flavor.probe import Probe
from ordinis_mlflow.graph.agreement import agreement, parity
from ordinis_mlflow.graph.export import SignalGraph, export_graph, history_signal, torch_signal
from ordinis_mlflow.graph.quantize import convert_fp16, quantize_dynamic
from ordinis_mlflow.graph.session import GraphSession, SessionSettings
from ordinis_mlflow.network import Checkpoint, SignalLSTM
from ordinis_mlflow.network.checkpoint import save_checkpoint
from ordinis_mlflow.signal import Signal
from ordinis_mlflow.verdict import Verdict

PARITY_WINDOWS = 256
PROBE_WINDOWS = 8
BLOCK = 4096
"""Windows that are copied out of the bars at a time."""
CPU = SessionSettings(provider="cpu")


class BarWindows:
    """Windows of raw bars that end at given rows of the prepared table."""

    def __init__(self, training: Training) -> None:
        steps = training.config.sequence_length
        lookback = training.options.feature_set().lookback + steps - 1
        values = np.concatenate([series.values for series in training.bars.series()])
        self._first = lookback - 1
        self._view = sliding_window_view(values, lookback, axis=0).swapaxes(1, 2)

    def at(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Shape (len(rows), lookback, 5), a copy."""
        return np.ascontiguousarray(self._view[rows - self._first])

    def signal(self, session: GraphSession, rows: npt.NDArray[np.int64]) -> Signal:
        """What the graph says at each row."""
        blocks = np.split(rows, range(BLOCK, len(rows), BLOCK))
        return Signal.concatenate([session.run(self.at(block)) for block in blocks])


def build_package(training: Training, checkpoint: Checkpoint, windows: "BarWindows") -> Package:
    """Graphs that agree with the network, and everything that goes with them.

    Raises:
        ExportError: the graph differs from torch, or from the NumPy features, by more than 1e-5.
    """
    network = checkpoint.best_network()
    training = recalibrated(training, network)
    prepared, options = training.prepared, training.options
    module = SignalGraph(
        options.feature_set(),
        prepared.scaler,
        network,
        training.forecast,
        VOLATILITY,
        training.config.sequence_length,
    )
    graph = export_graph(module)
    session = GraphSession(graph.SerializeToString(), CPU)
    validation = prepared.rows.ready[prepared.split.validation]
    sample = windows.at(validation[-PARITY_WINDOWS:])
    exported = session.run(sample)
    for verdict in (
        parity("parity_with_torch", exported, torch_signal(module, sample)),
        parity("parity_with_numpy_features", exported, history_signal(module, sample)),
    ):
        log_verdict(verdict)
        if not verdict.passed:
            raise ExportError(f"the exported graph is not the model: {verdict}")
    sessions = {"float32": session, **smaller_graphs(training, graph, session, windows)}
    bars = sliding_window_view(probe_bars(module.lookback + PROBE_WINDOWS - 1), module.lookback, 0)
    probed = np.ascontiguousarray(bars.swapaxes(1, 2))
    return Package(
        graphs={precision: each.model for precision, each in sessions.items()},
        scaler=prepared.scaler,
        contract=contract_of(training),
        probe=Probe(probed, {precision: each.run(probed) for precision, each in sessions.items()}),
        checkpoint=bytes_of(checkpoint),
        drift=reference_of(training, windows.signal(session, fitted_rows(training))),
    )


def recalibrated(training: Training, network: SignalLSTM) -> Training:
    """The training with the recalibration that helps on validation rows; both told to the run."""
    tag = "ordinis.recalibration"
    if not training.options.recalibrate:
        mlflow.set_tag(tag, "none: not asked for")
        return training
    forecast, verdicts = recalibrate(training.forecast, training.prepared, network)
    for verdict in verdicts:
        log_verdict(verdict)
    reasons = "; ".join(map(str, verdicts))
    mlflow.set_tag(tag, f"{forecast.recalibration.method}: {reasons}"[:5000])
    return replace(training, forecast=forecast)


def smaller_graphs(
    training: Training, graph: onnx.ModelProto, session: GraphSession, windows: "BarWindows"
) -> Mapping[str, GraphSession]:
    """The INT8 and FP16 graphs that were asked for and agree with float32 on validation rows."""
    makers = {"int8": quantize_dynamic, "fp16": convert_fp16}
    wanted = [name for name in makers if getattr(training.options, name)]
    if not wanted:
        return {}
    validation = training.prepared.rows.ready[training.prepared.split.validation]
    reference = windows.signal(session, validation)
    kept = {}
    for precision in wanted:
        try:
            candidate = GraphSession(makers[precision](graph).SerializeToString(), CPU)
        except QuantizationError as error:
            drop(precision, str(error))
            continue
        verdicts = agreement(precision, windows.signal(candidate, validation), reference)
        for verdict in verdicts:
            log_verdict(verdict)
        failed = "; ".join(str(each) for each in verdicts if not each.passed)
        if failed:
            drop(precision, failed)
            continue
        kept[precision] = candidate
        mlflow.set_tag(f"ordinis.{precision}", "kept")
    return kept


def drop(precision: str, why: str) -> None:
    """Go on without a smaller graph, and say so on the screen and in the run."""
    print(f"warning: the {precision} graph is dropped: {why}")
    mlflow.set_tag(f"ordinis.{precision}", f"dropped: {why}"[:5000])


def contract_of(training: Training) -> ModelContract:
    """What the packaged model promises."""
    features, rows = training.options.feature_set(), training.prepared.rows
    split = training.prepared.split
    trained, validated = rows.ready[split.train], rows.ready[split.validation]
    return ModelContract(
        format=FORMAT,
        feature_set=training.options.features,
        features=features.names,
        fingerprint=features.fingerprint().values,
        feature_lookback=features.lookback,
        sequence_length=training.config.sequence_length,
        label=f"forward log return / ({VOLATILITY} * sqrt(horizon))",
        horizon=training.forecast.horizon,
        volatility=VOLATILITY,
        volatility_floor=VOLATILITY_FLOOR,
        degrees_of_freedom=training.forecast.degrees_of_freedom,
        no_trade_band=training.forecast.no_trade_band,
        frequency=training.bars.frequency.isoformat(),
        data_source=training.data.features.dataset,
        data_digest=training.bars.digest(),
        data_rows=len(rows.times),
        data_first=str(rows.times.min()),
        data_last=str(rows.times.max()),
        train_last=str(rows.ends[trained].max()),
        fitted_last=str(rows.ends[np.concatenate([trained, validated])].max()),
        data_snapshot=training.data.features.name,
        data_as_of=training.data.as_of,
        recalibration=training.forecast.recalibration.method,
        recalibration_parameters=training.forecast.recalibration.parameters,
    )


def log_verdict(verdict: Verdict) -> None:
    """The figure as a metric, the sentence as a tag."""
    mlflow.log_metric(f"export/{verdict.name}", verdict.observed)
    mlflow.set_tag(f"ordinis.verdict.{verdict.name}", str(verdict))


def bytes_of(checkpoint: Checkpoint) -> bytes:
    """The checkpoint as a file's content."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.safetensors"
        save_checkpoint(checkpoint, path)
        return path.read_bytes()
