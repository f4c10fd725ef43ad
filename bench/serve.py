"""Serving: our server against MLflow's, other model servers, and uvicorn with nothing else.

Raw bars go to our server, to the other servers and to ``mlflow models serve`` with our flavor;
MLflow's own onnx flavor gets ready-made windows of scaled features and runs the bare network. All
run on this machine, one worker each, and are measured in turn. Throughput is wrk's.
"""

import tempfile
from pathlib import Path

import mlflow.onnx

from bench.measure import Row, json_path, report
from bench.models import Measured, measured
from bench.peers.contenders import floor, peers
from bench.serving import figures
from bench.serving.contenders import (
    BULK_TYPE,
    inputs,
    logging,
    ours,
    parquet,
    unnamed_inputs,
    unobserved,
)
from bench.serving.contenders import mlflow as mlflow_server
from ordinis_mlflow import flavor
from ordinis_mlflow.graph.export import export_network

SYMBOLS = 500


def main() -> None:
    path = json_path(__doc__)
    model = measured()
    with tempfile.TemporaryDirectory() as folder:
        save(model, Path(folder))
        report("Serving", rows(model, Path(folder)), path)


def save(model: Measured, folder: Path) -> None:
    """Our package in ``folder/ours``, MLflow's onnx flavor of the bare network in ``theirs``."""
    flavor.save_model(model.package(), folder / "ours")
    steps, features = model.features(1).shape[1:]
    network = export_network(model.network, steps, features)
    signature = mlflow.models.infer_signature(model.features(2))
    mlflow.onnx.save_model(network, folder / "theirs", signature=signature)


def rows(model: Measured, folder: Path) -> list[Row]:
    """Every figure."""
    bars, package, graph = model.bars(1), folder / "ours", folder / "ours" / "model.onnx"
    plain = mlflow_server("flavor in mlflow", package, inputs(bars))
    onnx = mlflow_server("mlflow.onnx", folder / "theirs", unnamed_inputs(model.features(1)))
    own = ours(package, inputs(bars))
    logged = logging(package, inputs(bars), folder / "log")
    bare = unobserved(package, inputs(bars))
    many = model.bars(SYMBOLS)
    bulk = parquet(many, model.package().contract.bar_spacing)
    return [
        *figures.plain(plain, onnx),
        *figures.throughput(own, onnx, peers(graph, bars)),
        figures.over_floor(own, floor(graph, bars)),
        figures.observability(logged, bare),
        figures.tail(own),
        figures.bulk(
            ours(package, bulk, content_type=BULK_TYPE),
            mlflow_server("flavor in mlflow", package, inputs(many)),
        ),
        figures.cold_start(own, onnx),
    ]


if __name__ == "__main__":
    main()
