"""The MLflow flavor of packaged signal models, under MLflow's own names.

``save_model``, ``log_model`` and ``load_model`` are used as those of any flavor. A package holds
data only: this module, installed where the model is loaded, is the code that reads it.
"""

import os
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ordinis_mlflow.errors import PackageError
from ordinis_mlflow.flavor.manifest import write_manifest
from ordinis_mlflow.flavor.model import SignalModel
from ordinis_mlflow.flavor.package import Package, read_package
from ordinis_mlflow.flavor.proof import check_proven, registered
from ordinis_mlflow.flavor.proposed import Opened, open_proposed
from ordinis_mlflow.graph.session import SessionSettings

# MLflow is imported where it is used: it takes a second, and a folder is loaded without it.
if TYPE_CHECKING:
    from mlflow.models import Model
    from mlflow.models.model import ModelInfo

    from ordinis_mlflow.flavor.served import ServedModel

FLAVOR_NAME = "ordinis"

__all__ = [
    "FLAVOR_NAME",
    "Opened",
    "Package",
    "SignalModel",
    "get_default_conda_env",
    "get_default_pip_requirements",
    "load_model",
    "load_proposed",
    "log_model",
    "save_model",
]


def get_default_pip_requirements() -> list[str]:
    """What a serving environment needs besides this package: no torch, no onnx."""
    names = ("mlflow", "numpy", "pandas", "array-api-compat", _onnxruntime())
    return [f"{name}=={version(name)}" for name in names]


def get_default_conda_env() -> dict[str, Any]:
    """The same as a conda environment."""
    from mlflow.utils.environment import _mlflow_conda_env

    return _mlflow_conda_env(additional_pip_deps=get_default_pip_requirements())


def save_model(
    package: Package,
    path: str | os.PathLike[str],
    mlflow_model: "Model | None" = None,
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
    from mlflow.exceptions import MlflowException

    from ordinis_mlflow.flavor.description import describe, write_environment

    target = Path(path)
    if target.exists() and any(target.iterdir()):
        raise MlflowException.invalid_parameter_value(f"folder {target} exists and is not empty")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        partial = Path(scratch) / "model"
        partial.mkdir()
        package.write(partial)
        write_environment(partial, get_default_pip_requirements())
        describe(partial, package, mlflow_model, precision)
        write_manifest(partial)
        os.replace(partial, target)


def log_model(package: Package, name: str = "model", **kwargs: Any) -> "ModelInfo":
    """Log a package to the active run.

    Args:
        package: what the model is.
        name: of the logged model.
        kwargs: passed to ``mlflow.models.Model.log``, for example ``registered_model_name``.
    """
    from mlflow.models import Model

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
        settings: how the graph is run; None for what the registry proposes for this kind of
            machine, which is the default where it proposes nothing.

    Raises:
        PackageError: a file was changed, the format is another, scaler and graph differ, the probe
            fails, or a promoted version is not what the registry's gates have seen.
    """
    if settings is None:
        return load_proposed(model_uri, dst_path, precision).model
    return SignalModel(_proven_package(_folder(model_uri, dst_path)), precision, settings)


def load_proposed(
    model_uri: str, dst_path: str | None = None, precision: str = "float32"
) -> Opened:
    """As :func:`load_model` without settings; also says what became of a proposal.

    Raises:
        PackageError: as of ``load_model``. A proposal that cannot be used is none.
    """
    folder = _folder(model_uri, dst_path)
    return open_proposed(_proven_package(folder), registered(Path(folder)), precision)


def _load_pyfunc(path: str, model_config: dict[str, Any] | None = None) -> "ServedModel":
    """For ``mlflow.pyfunc``; ``model_config`` may set precision, provider, threads, chunk_size."""
    from ordinis_mlflow.flavor.served import ServedModel

    config = dict(model_config or {})
    precision = config.pop("precision", "float32")
    model = SignalModel(_proven_package(path), precision, SessionSettings(**config))
    return ServedModel(model, registered(Path(path)))


def _proven_package(folder: str) -> Package:
    """A package that is whole, and the one that was promoted if it comes from a gated registry."""
    package = read_package(Path(folder))
    check_proven(Path(folder))
    return package


def _folder(model_uri: str, dst_path: str | None) -> str:
    """Where the files are: a folder stays where it is unless another place is asked for."""
    if dst_path is None and os.path.isdir(model_uri):
        return model_uri
    from mlflow.artifacts import download_artifacts

    return str(download_artifacts(artifact_uri=model_uri, dst_path=dst_path))


def _onnxruntime() -> str:
    """The distribution that provides onnxruntime here: the CPU or the GPU build."""
    for name in ("onnxruntime-gpu", "onnxruntime"):
        try:
            version(name)
        except PackageNotFoundError:
            continue
        return name
    raise PackageError("neither onnxruntime nor onnxruntime-gpu is installed: install one of them")
