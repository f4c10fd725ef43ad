"""What MLflow is told of a package: the MLmodel file, and the environment that serves it."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import yaml
from mlflow import pyfunc
from mlflow.models import Model, ModelSignature
from mlflow.models.model import MLMODEL_FILE_NAME
from mlflow.types.schema import ColSpec, DataType, Schema, TensorSpec
from mlflow.utils.environment import (
    _CONDA_ENV_FILE_NAME,
    _PYTHON_ENV_FILE_NAME,
    _REQUIREMENTS_FILE_NAME,
    _mlflow_conda_env,
    _PythonEnv,
)

from ordinis_mlflow.bars import COLUMNS
from ordinis_mlflow.flavor import FLAVOR_NAME
from ordinis_mlflow.flavor.package import FORMAT, GRAPHS, Package
from ordinis_mlflow.flavor.wheel import pack_wheel
from ordinis_mlflow.graph.session import INPUT, SessionSettings
from ordinis_mlflow.signal import Signal

WHEELS = "wheels"


def describe(folder: Path, package: Package, model: Model | None, precision: str) -> None:
    """Write MLmodel.

    Args:
        folder: of the package.
        package: what the model is.
        model: MLflow's own description, given by ``log_model``; None for a new one.
        precision: the graph that pyfunc loads unless it is told otherwise.
    """
    model = model or Model()
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
    model.save(str(folder / MLMODEL_FILE_NAME))


def write_environment(folder: Path, requirements: Sequence[str]) -> None:
    """Write the wheel of the running package, and three ways to say what it needs.

    Args:
        folder: of the package.
        requirements: of pip, besides the wheel.
    """
    (folder / WHEELS).mkdir()
    wheel = pack_wheel(folder / WHEELS)
    needed = [*requirements, f"{WHEELS}/{wheel.name}"]
    (folder / _REQUIREMENTS_FILE_NAME).write_text("\n".join(needed) + "\n")
    conda_env = _mlflow_conda_env(additional_pip_deps=needed, install_mlflow=False)
    (folder / _CONDA_ENV_FILE_NAME).write_text(yaml.safe_dump(conda_env, sort_keys=False))
    _PythonEnv.current().to_yaml(str(folder / _PYTHON_ENV_FILE_NAME))
