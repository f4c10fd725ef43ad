"""The MLflow flavor of packaged signal models, under MLflow's own names.

``save_model``, ``log_model`` and ``load_model`` are used as those of any flavor. A package holds
data only: this module, installed where the model is loaded, is the code that reads it.
"""

import os
import tempfile
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from mlflow import pyfunc
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.models.model import MLMODEL_FILE_NAME, ModelInfo
from mlflow.tracking.artifact_utils import _download_artifact_from_uri
from mlflow.types.schema import ColSpec, DataType, Schema, TensorSpec
from mlflow.utils.environment import (
    _CONDA_ENV_FILE_NAME,
    _PYTHON_ENV_FILE_NAME,
    _REQUIREMENTS_FILE_NAME,
    _mlflow_conda_env,
    _PythonEnv,
)

from ordinis_mlflow.bars import COLUMNS
from ordinis_mlflow.errors import PackageError
from ordinis_mlflow.flavor.manifest import write_manifest
from ordinis_mlflow.flavor.model import SignalModel
from ordinis_mlflow.flavor.package import FORMAT, GRAPHS, Package, read_package
from ordinis_mlflow.flavor.proof import check_proven, registered
from ordinis_mlflow.flavor.served import ServedModel
from ordinis_mlflow.flavor.wheel import pack_wheel
from ordinis_mlflow.graph.session import INPUT, SessionSettings
from ordinis_mlflow.signal import Signal

FLAVOR_NAME = "ordinis"
WHEELS = "wheels"

__all__ = [
    "FLAVOR_NAME",
    "Package",
    "SignalModel",
    "get_default_conda_env",
    "get_default_pip_requirements",
    "load_model",
    "log_model",
    "save_model",
]


def get_default_pip_requirements() -> list[str]:
    """What a serving environment needs besides this package: no torch, no onnx."""
    names = ("mlflow", "numpy", "pandas", "array-api-compat", _onnxruntime())
    return [f"{name}=={version(name)}" for name in names]


def get_default_conda_env() -> dict[str, Any]:
    """The same as a conda environment."""
    return _mlflow_conda_env(additional_pip_deps=get_default_pip_requirements())


def save_model(
    package: Package,
    path: str | os.PathLike[str],
    mlflow_model: Model | None = None,
    precision: str = "float32",
) -> None:
    """Write a package as an MLflow model, whole or not at all.

    Args:
        package: what the model is.
        path: a folder that does not exist yet or is empty.
        mlflow_model: MLflow's own description, given by ``log_model``.
        precision: the graph that pyfunc loads unless it is told otherwise.

    Raises:
        MlflowException: the folder exists and holds something.
    """
    target = Path(path)
    if target.exists() and any(target.iterdir()):
        raise MlflowException.invalid_parameter_value(f"folder {target} exists and is not empty")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        partial = Path(scratch) / "model"
        (partial / WHEELS).mkdir(parents=True)
        package.write(partial)
        _write_environment(partial, pack_wheel(partial / WHEELS))
        description = _describe(package, mlflow_model or Model(), precision)
        description.save(str(partial / MLMODEL_FILE_NAME))
        write_manifest(partial)
        os.replace(partial, target)


def log_model(package: Package, name: str = "model", **kwargs: Any) -> ModelInfo:
    """Log a package to the active run.

    Args:
        package: what the model is.
        name: of the logged model.
        kwargs: passed to ``mlflow.models.Model.log``, for example ``registered_model_name``.
    """
    import ordinis_mlflow.flavor

    return Model.log(
        artifact_path=None, name=name, flavor=ordinis_mlflow.flavor, package=package, **kwargs
    )


def load_model(
    model_uri: str,
    dst_path: str | None = None,
    precision: str = "float32",
    settings: SessionSettings | None = None,
) -> SignalModel:
    """Load a model that has proven itself on this machine.

    Args:
        model_uri: any of MLflow's, for example ``models:/sp500@champion``.
        dst_path: where to download to.
        precision: ``float32``, ``int8`` or ``fp16``.
        settings: how the graph is run.

    Raises:
        PackageError: a file was changed, the format is another, scaler and graph differ, the probe
            fails, or a promoted version is not what the registry's gates have seen.
    """
    folder = _download_artifact_from_uri(artifact_uri=model_uri, output_path=dst_path)
    return SignalModel(_proven_package(folder), precision, settings)


def _load_pyfunc(path: str, model_config: dict[str, Any] | None = None) -> ServedModel:
    """For ``mlflow.pyfunc``; ``model_config`` may set precision, provider, threads, chunk_size."""
    config = dict(model_config or {})
    precision = config.pop("precision", "float32")
    model = SignalModel(_proven_package(path), precision, SessionSettings(**config))
    return ServedModel(model, registered(Path(path)))


def _proven_package(folder: str) -> Package:
    """A package that is whole, and the one that was promoted if it comes from a gated registry."""
    package = read_package(Path(folder))
    check_proven(Path(folder))
    return package


def _describe(package: Package, model: Model, precision: str) -> Model:
    inputs = TensorSpec(np.dtype(np.float64), (-1, package.contract.lookback, len(COLUMNS)), INPUT)
    outputs: list[ColSpec | TensorSpec] = [
        ColSpec(DataType.long if name == "direction" else DataType.double, name)
        for name in Signal.names()
    ]
    model.signature = ModelSignature(inputs=Schema([inputs]), outputs=Schema(outputs))
    pyfunc.add_to_model(
        model,
        loader_module="ordinis_mlflow.flavor",
        conda_env=_CONDA_ENV_FILE_NAME,
        python_env=_PYTHON_ENV_FILE_NAME,
        # MLflow passes on only those settings that the model names.
        model_config={"precision": precision, **asdict(SessionSettings())},
    )
    files = {precision: GRAPHS[precision] for precision in package.graphs}
    model.add_flavor(FLAVOR_NAME, format=FORMAT, files=files)
    return model


def _write_environment(folder: Path, wheel: Path) -> None:
    requirements = [*get_default_pip_requirements(), f"{WHEELS}/{wheel.name}"]
    (folder / _REQUIREMENTS_FILE_NAME).write_text("\n".join(requirements) + "\n")
    conda_env = _mlflow_conda_env(additional_pip_deps=requirements, install_mlflow=False)
    (folder / _CONDA_ENV_FILE_NAME).write_text(yaml.safe_dump(conda_env, sort_keys=False))
    _PythonEnv.current().to_yaml(str(folder / _PYTHON_ENV_FILE_NAME))


def _onnxruntime() -> str:
    """The distribution that provides onnxruntime here: the CPU or the GPU build."""
    for name in ("onnxruntime-gpu", "onnxruntime"):
        try:
            version(name)
        except PackageNotFoundError:
            continue
        return name
    raise PackageError("neither onnxruntime nor onnxruntime-gpu is installed: install one of them")
