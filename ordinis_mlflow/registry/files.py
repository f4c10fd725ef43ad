"""Files: a version's own, copied to where only this process writes."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from ordinis_mlflow.errors import PackageError

LONGEST = 300
"""Characters of what a storage says that is passed on."""


@contextmanager
def fetched(location: str, tracking_uri: str) -> Iterator[Path]:
    """A folder with the version's files, for as long as the block lasts.

    Args:
        location: where MLflow loads the version from.
        tracking_uri: of the server that artifacts are fetched through, where they are.

    Raises:
        PackageError: they cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="ordinis-version-") as folder:
        try:
            repository, path = _repository(location, tracking_uri)
            found = Path(repository.download_artifacts(path, dst_path=folder))
        except Exception as error:  # every storage has errors of its own
            raise PackageError(
                f"its files cannot be read from {location!r}: {type(error).__name__}: "
                f"{' '.join(str(error).split())[:LONGEST]}"
            ) from error
        yield found


def serving_request() -> bool:
    """Whether this is MLflow's server, answering a client."""
    flask = sys.modules.get("flask")
    return bool(flask and flask.has_request_context() and "mlflow.server.handlers" in sys.modules)


def tracking_of(uri: str) -> str:
    """The tracking store: of the server, when it answers a request; else as it was given."""
    if not serving_request():
        return uri
    from mlflow.server import BACKEND_STORE_URI_ENV_VAR, handlers

    handlers._get_tracking_store()  # gates may ask MLflow, which must know the store by then
    return os.environ.get(BACKEND_STORE_URI_ENV_VAR, uri)


def _repository(location: str, tracking_uri: str) -> tuple[ArtifactRepository, str]:
    """The storage, and the path in it."""
    if not serving_request():
        return get_artifact_repository(location, tracking_uri=tracking_uri), ""
    from mlflow.server import handlers

    if not handlers._is_servable_proxied_run_artifact_root(location):
        return get_artifact_repository(location, tracking_uri=tracking_uri), ""
    # What clients fetch through the server, the server reads itself: it has no address of its own.
    path = handlers._get_proxied_run_artifact_destination_path(location)
    scoped = handlers._get_workspace_scoped_repo_path_if_enabled(path)
    return handlers._get_artifact_repo_mlflow_artifacts(), scoped or ""
