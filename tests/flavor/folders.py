"""Copies of a saved package, changed on purpose."""

import json
import shutil

import numpy as np

from ordinis_mlflow.flavor.manifest import write_manifest

FILES = (
    "MLmodel",
    "checkpoint.safetensors",
    "conda.yaml",
    "contract.json",
    "manifest.json",
    "model.onnx",
    "probe.npz",
    "python_env.yaml",
    "requirements.txt",
    "scaler.json",
    "wheels/ordinis_mlflow-0.1.0-py3-none-any.whl",
)


def copied(folder, to):
    return shutil.copytree(folder, to / "copy")


def rewrite_json(path, **changes):
    """Change fields of a JSON file, and list it anew in the manifest: a careful attacker."""
    values = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(values))
    write_manifest(path.parent)


def rewrite_probe(path, **changes):
    """Replace arrays of the probe (None removes one), and list it anew in the manifest."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = dict(archive) | changes
    pickled = any(getattr(values, "dtype", None) is np.dtype(object) for values in arrays.values())
    kept = {name: values for name, values in arrays.items() if values is not None}
    np.savez(path, allow_pickle=pickled, **kept)
    write_manifest(path.parent)


def rewrite_bytes(path, content):
    """Replace a file, and list it anew in the manifest."""
    path.write_bytes(content)
    write_manifest(path.parent)
