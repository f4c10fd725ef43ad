"""Serving through plain MLflow: raw bars to our flavor against ready-made windows to MLflow's own.

Both are served by ``mlflow models serve`` at the same time; one client with a connection kept alive
posts to them in turn. Ours computes the features and answers five fields; MLflow's onnx flavor gets
scaled feature windows and runs the bare network. Memory is the peak of the server process.
"""

import http.client
import json
import statistics
import tempfile
import time
from pathlib import Path

import mlflow.onnx
import numpy as np
import psutil

from bench.measure import Row, json_path, pair, report, spread
from bench.models import Measured, measured
from ordinis_mlflow import flavor
from ordinis_mlflow.graph.export import export_network
from ordinis_mlflow.graph.session import INPUT
from ordinis_mlflow.serving.mlflow_server import LOOPBACK, MlflowServer

ROUNDS, REQUESTS, WARM_UP = 15, 200, 300


def main() -> None:
    path = json_path(__doc__)
    model = measured()
    with tempfile.TemporaryDirectory() as folder:
        save(model, Path(folder))
        with (
            MlflowServer(f"{folder}/ours") as ours,
            MlflowServer(f"{folder}/theirs") as theirs,
        ):
            rows = compare(ours, theirs, *bodies(model))
    report("Serving", rows, path)


def save(model: Measured, folder: Path) -> None:
    flavor.save_model(model.package(), folder / "ours")
    steps, features = model.features(1).shape[1:]
    network = export_network(model.network, steps, features)
    signature = mlflow.models.infer_signature(model.features(2))
    mlflow.onnx.save_model(network, folder / "theirs", signature=signature)


def bodies(model: Measured) -> tuple[bytes, bytes]:
    bars, windows = model.bars(1), model.features(1)
    return (
        json.dumps({"inputs": {INPUT: bars.tolist()}}).encode(),
        json.dumps({"inputs": windows.astype(np.float64).round(7).tolist()}).encode(),
    )


def compare(ours: MlflowServer, theirs: MlflowServer, bars: bytes, windows: bytes) -> list[Row]:
    clients = [http.client.HTTPConnection(LOOPBACK, each.port) for each in (ours, theirs)]
    both = list(zip(clients, (bars, windows), strict=True))
    for client, body in both:
        block(client, body, WARM_UP)
    times = [tuple(block(client, body, REQUESTS) for client, body in both) for _ in range(ROUNDS)]
    result = pair([(a, b) for a, b in times])
    peaks = peak_bytes(ours), peak_bytes(theirs)
    sizes = f"requests of {len(bars)} and {len(windows)} bytes"
    return [
        Row(
            "serve.p50_over_mlflow_onnx",
            "p50, one window of raw bars / mlflow.onnx, one window of features",
            result.ratio,
            1.3,
            True,
            f"{spread(result, 1e3, 'ms')}; {sizes}",
        ),
        Row(
            "serve.rss_over_mlflow_onnx",
            "peak memory of the server process / mlflow.onnx",
            peaks[0] / peaks[1],
            1.15,
            True,
            f"{peaks[0] / 2**20:.0f} and {peaks[1] / 2**20:.0f} MiB",
        ),
    ]


def block(client: http.client.HTTPConnection, body: bytes, requests: int) -> float:
    """Median seconds a request."""
    seconds = []
    for _ in range(requests):
        start = time.perf_counter()
        client.request("POST", "/invocations", body, {"Content-Type": "application/json"})
        answer = client.getresponse()
        content = answer.read()
        seconds.append(time.perf_counter() - start)
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {content[-300:]!r}")
    return statistics.median(seconds)


def peak_bytes(server: MlflowServer) -> int:
    """Peak resident memory of the largest process of the server."""
    root = psutil.Process(server.process.pid)
    return max(peak_of(process.pid) for process in (root, *root.children(recursive=True)))


def peak_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    kibibytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return 1024 * int(kibibytes)


if __name__ == "__main__":
    main()
