"""Export: a trained checkpoint to a packaged model, judged on the test span and registered."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import numpy as np
import numpy.typing as npt
import onnx
from mlflow import MlflowClient
from numpy.lib.stride_tricks import sliding_window_view

from flows.command_line import NONE, given, parse, run
from flows.options import VOLATILITY
from flows.training import Training, load, record, recorded_settings, resumable
from ordinis_mlflow import flavor
from ordinis_mlflow.contract import ModelContract
from ordinis_mlflow.errors import CheckpointError, ExportError, InvalidConfig
from ordinis_mlflow.evaluation import (
    Evaluation,
    TestSpan,
    evaluate_baselines,
    evaluate_signal,
    skill,
    span_of,
)
from ordinis_mlflow.features import VOLATILITY_FLOOR, probe_bars
from ordinis_mlflow.flavor.package import FORMAT, Package
from ordinis_mlflow.flavor.probe import Probe
from ordinis_mlflow.graph.agreement import agreement, parity
from ordinis_mlflow.graph.export import SignalGraph, export_graph, history_signal, torch_signal
from ordinis_mlflow.graph.quantize import convert_fp16, quantize_dynamic
from ordinis_mlflow.graph.session import GraphSession, SessionSettings
from ordinis_mlflow.network import Checkpoint
from ordinis_mlflow.network.checkpoint import save_checkpoint
from ordinis_mlflow.signal import Signal
from ordinis_mlflow.tracking import log_bars, log_figures, tracked_run
from ordinis_mlflow.verdict import Verdict

PARITY_WINDOWS = 256
PROBE_WINDOWS = 8
BLOCK = 4096
"""Windows that are copied out of the bars at a time."""
CPU = SessionSettings(provider="cpu")


@dataclass(frozen=True)
class ExportOptions:
    """Parameters of the entry point ``export``.

    Attributes:
        run_id: the training run whose checkpoint is packaged.
        int8: keep an INT8 graph if it agrees with float32.
        fp16: keep an FP16 graph if it agrees with float32.
        register: name in the model registry.
        alias: given to the registered version.
    """

    run_id: str = NONE
    int8: bool = True
    fp16: bool = False
    register: str = NONE
    alias: str = NONE


@dataclass(frozen=True, eq=False)
class Published:
    """A model that was logged, with what it is worth.

    Attributes:
        training: what it was made from.
        run_id: of the run that logged it.
        model_uri: of the logged model.
        version: in the registry; None if it was not registered.
        judged: the model's evaluation first, then the baselines'.
    """

    training: Training
    run_id: str
    model_uri: str
    version: str | None
    judged: Sequence[Evaluation]


def main(arguments: Sequence[str]) -> None:
    """The entry point ``export``."""
    (asked,) = parse(arguments, ExportOptions)
    if not given(asked.run_id):
        raise InvalidConfig("export needs the training run whose checkpoint it packages: run_id")
    options, config = recorded_settings(asked.run_id)
    changed = {name: getattr(asked, name) for name in ("int8", "fp16", "register", "alias")}
    training = load(type(options)(**{**asdict(options), **changed}), config)
    checkpoint = resumable(asked.run_id, training)
    if checkpoint is None:
        raise CheckpointError(f"run {asked.run_id} has no checkpoint: it ended before an epoch did")
    tags = {"ordinis.entry_point": "export", "ordinis.exported_from": asked.run_id}
    with tracked_run(training.parameters(), tags):
        record(training)
        log_bars(training.bars, options.bars, options.bars)
        publish(training, checkpoint)


def publish(training: Training, checkpoint: Checkpoint) -> Published:
    """Package the best weights, judge them on the test span, log and register the model."""
    windows = BarWindows(training)
    package = build_package(training, checkpoint, windows)
    span = span_of(
        training.prepared,
        training.prepared.split.test,
        training.forecast,
        training.options.cost_bps,
    )
    # The one time that the test span is read.
    signal = windows.signal(GraphSession(package.graphs["float32"], CPU), span_rows(training))
    judged = judge(training, signal, span)
    log_figures(checkpoint.state.epochs, signal, span, judged)
    info = flavor.log_model(package, registered_model_name=given(training.options.register))
    version = info.registered_model_version
    alias = given(training.options.alias)
    if alias:
        MlflowClient().set_registered_model_alias(training.options.register, alias, str(version))
    named = str(version) if version else None
    return Published(training, info.run_id, info.model_uri, named, judged)


def build_package(training: Training, checkpoint: Checkpoint, windows: "BarWindows") -> Package:
    """Graphs that agree with the network, and everything that goes with them.

    Raises:
        ExportError: the graph differs from torch, or from the NumPy features, by more than 1e-5.
    """
    prepared, options = training.prepared, training.options
    module = SignalGraph(
        options.feature_set(),
        prepared.scaler,
        checkpoint.best_network(),
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
    )


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
        candidate = GraphSession(makers[precision](graph).SerializeToString(), CPU)
        verdicts = agreement(precision, windows.signal(candidate, validation), reference)
        for verdict in verdicts:
            log_verdict(verdict)
        if all(verdict.passed for verdict in verdicts):
            kept[precision] = candidate
        else:
            failed = "; ".join(str(each) for each in verdicts if not each.passed)
            print(f"warning: the {precision} graph is dropped: {failed}")
        mlflow.set_tag(f"ordinis.{precision}", "kept" if precision in kept else "dropped")
    return kept


def judge(training: Training, signal: Signal, span: TestSpan) -> list[Evaluation]:
    """Test numbers of the model and of both baselines, logged under stable names."""
    model = evaluate_signal(signal, span)
    baselines = evaluate_baselines(training.prepared, span)
    for each in (model, *baselines):
        prefix = "test" if each is model else f"test_{each.name}"
        mlflow.log_metrics({f"{prefix}/{name}": value for name, value in each.metrics.items()})
    for baseline in baselines:
        better = skill(model, baseline, training.forecast.horizon)
        name = f"test/log_score_above_{baseline.name}_nats"
        mlflow.log_metrics({name: better.value, f"{name}_standard_error": better.standard_error})
    return [model, *baselines]


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


def span_rows(training: Training) -> npt.NDArray[np.int64]:
    """The rows of the test span."""
    return training.prepared.rows.ready[training.prepared.split.test]


def contract_of(training: Training) -> ModelContract:
    """What the packaged model promises."""
    features, rows = training.options.feature_set(), training.prepared.rows
    trained = rows.ready[training.prepared.split.train]
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
        data_source=training.options.bars,
        data_digest=training.bars.digest(),
        data_rows=len(rows.times),
        data_first=str(rows.times.min()),
        data_last=str(rows.times.max()),
        train_last=str(rows.ends[trained].max()),
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


if __name__ == "__main__":
    run(main)
