"""The graph's speed: fused against bare network, INT8 against float32, ONNX Runtime against torch.

- Fused over network: the whole graph on raw bars against the network alone on ready-made scaled
  windows, both in ONNX Runtime on one thread.
- INT8 against float32: the whole graph, batch 1, one thread; and the network's bytes in the file.
- Over torch: eager torch running features, scaler, network and signal, with all its threads,
  against the fused graph with the best of a few session settings.
"""

import numpy as np
import onnx
import torch

from bench.measure import Row, json_path, paired, report, spread
from bench.models import Measured, measured
from ordinis_mlflow.graph.export import export_graph, export_network
from ordinis_mlflow.graph.quantize import network_bytes, quantize_dynamic
from ordinis_mlflow.graph.runtime import onnxruntime
from ordinis_mlflow.graph.session import INPUT, GraphSession, SessionSettings
from ordinis_mlflow.signal import Signal

ROUNDS = 15
SETTINGS = [
    SessionSettings("cpu", threads=threads, chunk_size=chunk)
    for threads in (1, 0)
    for chunk in (8, 16, 32, 64)
]


def main() -> None:
    path = json_path(__doc__)
    model = measured()
    graph = export_graph(model.module)
    network = export_network(model.network, *model.features(1).shape[1:])
    rows = [
        fused_over_network(model, graph, network, batch=1, bar=1.6),
        fused_over_network(model, graph, network, batch=64, bar=1.4),
        *int8_against_float32(model, graph),
        *(over_torch(model, graph, batch) for batch in (1, 8, 64, 512)),
    ]
    report("The graph", rows, path)


def one_thread(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def calls_for(batch: int) -> int:
    return max(2, 400 // batch)


def fused_over_network(
    model: Measured, graph: onnx.ModelProto, network: onnx.ModelProto, batch: int, bar: float
) -> Row:
    fused, bare, names = one_thread(graph), one_thread(network), list(Signal.names())
    bars, windows = model.bars(batch), model.features(batch)
    result = paired(
        lambda: fused.run(names, {INPUT: bars}),
        lambda: bare.run(None, {"windows": windows}),
        ROUNDS,
        calls_for(batch),
    )
    key, what = f"graph.fused_over_network_b{batch}", f"fused graph / bare network, batch {batch}"
    return Row(key, what, result.ratio, bar, True, spread(result))


def int8_against_float32(model: Measured, graph: onnx.ModelProto) -> list[Row]:
    small, names, bars = quantize_dynamic(graph), list(Signal.names()), model.bars(1)
    full, quantized = one_thread(graph), one_thread(small)
    result = paired(
        lambda: full.run(names, {INPUT: bars}),
        lambda: quantized.run(names, {INPUT: bars}),
        ROUNDS,
        calls_for(1),
    )
    sizes = network_bytes(graph), network_bytes(small)
    size = Row(
        "graph.int8_size_ratio",
        "network's bytes, float32 / INT8",
        sizes[0] / sizes[1],
        3.0,
        False,
        f"{sizes[0]} and {sizes[1]} bytes",
    )
    what = "time, float32 / INT8, batch 1"
    return [size, Row("graph.int8_speedup_b1", what, result.ratio, 1.2, False, spread(result))]


def over_torch(model: Measured, graph: onnx.ModelProto, batch: int) -> Row:
    bars = model.bars(batch)
    tensor = torch.from_numpy(bars)
    sessions = [GraphSession(graph.SerializeToString(), settings) for settings in SETTINGS]
    quick = {session: _seconds_of(session, bars) for session in sessions}
    best = min(sessions, key=quick.__getitem__)

    def eager() -> None:
        with torch.no_grad():
            model.module(tensor)

    result = paired(eager, lambda: best.run(bars), ROUNDS, calls_for(batch))
    chosen = f"chunks of {best.settings.chunk_size} over {best.settings.threads or 'all'} threads"
    return Row(
        f"graph.over_torch_b{batch}",
        f"eager torch / fused graph, batch {batch}",
        result.ratio,
        1.0,
        False,
        f"{spread(result)}; {chosen}, torch {torch.get_num_threads()} threads",
    )


def _seconds_of(session: GraphSession, bars: np.ndarray) -> float:
    return paired(lambda: session.run(bars), lambda: None, 7, max(2, 200 // len(bars))).first


if __name__ == "__main__":
    main()
