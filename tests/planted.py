"""Candidates of the promotion gates: the small package as it is, and altered on purpose."""

import io
import json
import os
import shutil
import zipfile

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ordinis_mlflow.flavor.manifest import write_manifest
from ordinis_mlflow.flavor.package import GRAPHS
from ordinis_mlflow.flavor.probe import Probe
from ordinis_mlflow.graph import quantize
from ordinis_mlflow.graph.session import GraphSession
from ordinis_mlflow.promotion import Candidate, digests_of
from ordinis_mlflow.store import open_store

SLOW = 1000
"""Side of the matrices that a slow graph multiplies for nothing."""


def candidate_of(folder, **changes):
    """A version of the small package, as a server would describe it."""
    values = {
        "name": "small",
        "version": "1",
        "target": "Production",
        "folder": folder,
        "digests": digests_of(folder) if any(folder.iterdir()) else {},
        "run_id": None,
        "created_at": 0,
        "store": open_store(os.environ["MLFLOW_TRACKING_URI"]),
    }
    return Candidate(**{**values, **changes})


def copied(folder, to, name="planted"):
    return shutil.copytree(folder, to / name)


def claim(folder, **changes):
    """Change fields of the contract, and list it anew: a careful attacker."""
    path = folder / "contract.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    write_manifest(folder)
    return folder


def move_head(folder, location=0.0, scale=0.0, precision="float32"):
    """Shift what the network says, with a probe that agrees: another model, soundly packaged."""
    path = folder / GRAPHS[precision]
    graph = onnx.load(path)
    for weight in graph.graph.initializer:
        if weight.name == "network.head.bias":
            shift = np.array([location, scale], dtype=np.float32)
            moved = numpy_helper.from_array(numpy_helper.to_array(weight) + shift, weight.name)
            weight.CopyFrom(moved)
    path.write_bytes(graph.SerializeToString())
    return sealed(folder)


def with_int8(folder):
    """Add the 8-bit graph, which training leaves out for a network this small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantize, "LEAST_WEIGHTS", 1)
        graph = quantize.quantize_dynamic(onnx.load(folder / GRAPHS["float32"]))
    (folder / GRAPHS["int8"]).write_bytes(graph.SerializeToString())
    return sealed(folder)


def slowed(folder):
    """A graph that multiplies matrices of zeros, and adds the nothing that comes of it."""
    path = folder / GRAPHS["float32"]
    model = onnx.load(path)
    graph, zero = model.graph, "slow_zero"
    for node in graph.node:
        node.output[:] = ["slow_mean" if name == "mean" else name for name in node.output]
        node.input[:] = ["slow_mean" if name == "mean" else name for name in node.input]
    shape = numpy_helper.from_array(np.array([SLOW, SLOW]), "slow_shape")
    none = numpy_helper.from_array(np.zeros(1), zero)
    graph.initializer.extend([shape, none])
    graph.node.extend(
        [
            helper.make_node("ReduceSum", ["bars"], ["slow_sum"], keepdims=0),
            helper.make_node("Mul", ["slow_sum", zero], ["slow_none"]),
            helper.make_node("Expand", ["slow_none", "slow_shape"], ["slow_square"]),
            helper.make_node("MatMul", ["slow_square", "slow_square"], ["slow_product"]),
            helper.make_node("ReduceMax", ["slow_product"], ["slow_max"], keepdims=0),
            helper.make_node("Cast", ["slow_max"], ["slow_float"], to=TensorProto.FLOAT),
            helper.make_node("Add", ["slow_mean", "slow_float"], ["mean"]),
        ]
    )
    path.write_bytes(model.SerializeToString())
    return sealed(folder)


def sealed(folder):
    """A probe of what the graphs say now, and a manifest of the files as they are now."""
    path = folder / "probe.npz"
    bars = Probe.from_bytes(path.read_bytes()).bars
    graphs = {p: folder / name for p, name in GRAPHS.items() if (folder / name).exists()}
    said = {p: GraphSession(file.read_bytes()).run(bars) for p, file in graphs.items()}
    path.write_bytes(Probe(bars, said).to_bytes())
    write_manifest(folder)
    return folder


def without(folder, name, listed):
    (folder / name).unlink()
    if listed:
        write_manifest(folder)


def cut(folder, name, listed):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    if listed:
        write_manifest(folder)


def written(folder, name, content):
    (folder / name).write_bytes(content)
    write_manifest(folder)


def bomb():
    """A probe of a few kilobytes that unpacks to a gigabyte."""
    buffer = io.BytesIO()
    archive = zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED)
    with archive, archive.open("bars.npy", "w") as file:
        for _ in range(1024):
            file.write(bytes(1 << 20))
    return buffer.getvalue()


ABSURD = {
    "sequence_length": (10**12, 1),
    "feature_lookback": (10**9,),
    "horizon": (10**18, 10**30),
    "degrees_of_freedom": (0, 10**9, 7, "six"),
    "no_trade_band": (0.999999,),
    "volatility_floor": (1e-300, 0.999),
    "volatility": ("close",),
    "feature_set": ("", "nothing@7", "standard@1"),
    "features": ([], ["a"]),
    "fingerprint": ({}, {"a": ["x"]}, {"a": [1e400]}),
    "frequency": ("", "soon", "P9999999D"),
    "fitted_last": ("", "NaT", "yesterday", "9999-12-31", "1600-01-01", 7, None),
    "train_last": ("NaT", "2999-01-01"),
    "data_first": (None, "2999-01-01"),
    "data_rows": (10**15,),
    "data_digest": ("", 7),
    "data_snapshot": ("", "../../../etc/passwd", "0" * 32, 7, ["a"]),
    "data_as_of": (-1, 10**30, "now", 1.5, True),
    "recalibration": ("platt", "pickle"),
}
"""What a contract might claim."""
FILES = ("MLmodel", "contract.json", "model.onnx", "probe.npz", "scaler.json", "manifest.json")

HOSTILE = {
    "empty": lambda folder: shutil.rmtree(folder) or folder.mkdir(),
    "deep_contract": lambda folder: written(folder, "contract.json", b"[" * 100_000),
    "deep_model_file": lambda folder: written(folder, "MLmodel", b"[" * 5_000),
    "garbage_graph": lambda folder: written(folder, "model.onnx", bytes(range(256)) * 40),
    "no_graph_at_all": lambda folder: written(folder, "model.onnx", b""),
    "probe_bomb": lambda folder: written(folder, "probe.npz", bomb()),
    **{
        f"{word}_{name}_{'' if listed else 'un'}listed": (
            lambda folder, do=do, name=name, listed=listed: do(folder, name, listed)
        )
        for word, do in (("without", without), ("cut", cut))
        for name in FILES
        for listed in (False, True)
        if not (listed and name == "manifest.json")
    },
    **{
        f"{field}_{number}": lambda folder, field=field, value=value: claim(
            folder, **{field: value}
        )
        for field, values in ABSURD.items()
        for number, value in enumerate(values)
    },
}
"""What a client might upload: name to what is done to a copy of a sound package."""
