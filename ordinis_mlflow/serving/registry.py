"""What MLflow is asked: who holds an alias, and for a version's files.

MLflow is imported here and nowhere else of this room, and late: it takes a second, and a folder is
served without it. Whatever it raises, or a database or an artifact store under it, ends here.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ordinis_mlflow.errors import ModelUnavailable
from ordinis_mlflow.serving.refusals import one_line

UNATTENDED = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
"""MLflow's own settings for a server: by default it tries for minutes while nobody knows."""
NOBODY = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST")
"""MLflow's codes for an alias that nobody holds, and for a model that is not there."""


def unattended() -> None:
    """Let MLflow give up soon and draw no progress bars, unless the environment says otherwise."""
    for name, value in UNATTENDED.items():
        os.environ.setdefault(name, value)


def holder(name: str, alias: str) -> str | None:
    """The version that holds an alias; None if none does.

    Raises:
        ModelUnavailable: the registry did not answer.
    """
    with _asking(f"who is {name}@{alias}"):
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        try:
            return str(MlflowClient().get_model_version_by_alias(name, alias).version)
        except MlflowException as error:
            if error.error_code in NOBODY:
                return None
            raise


def download(uri: str, folder: str) -> Path:
    """Copy a version's files to a folder that exists; where in it they lie.

    Raises:
        ModelUnavailable: it cannot be had, or there are none.
    """
    with _asking(f"for {uri}"):
        from mlflow.artifacts import download_artifacts

        found = Path(download_artifacts(artifact_uri=uri, dst_path=folder))
        # Of what is not there MLflow makes an empty folder.
        if not any(found.iterdir()):
            raise FileNotFoundError("there are no files")
        return found


def run_name(run_id: str) -> str:
    """The name of a run.

    Raises:
        ModelUnavailable: the tracking server did not answer.
    """
    with _asking(f"for run {run_id}"):
        from mlflow import MlflowClient

        return MlflowClient().get_run(run_id).info.run_name or run_id


@contextmanager
def _asking(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the one door: stores raise whatever their libraries do
        raise ModelUnavailable(
            f"MLflow was asked {what} and gave {type(error).__name__}: {one_line(str(error))}"
        ) from error
