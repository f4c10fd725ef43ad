"""Which requests can change artifacts, or choose where artifacts go: MLflow 3.17.2's own routes.

Everything that is not a read (GET, HEAD, OPTIONS) is looked at, whichever of MLflow's two routers
would answer it. A route that changes artifacts is found by its path alone; what it would change is
then read from its path, its query and, for short JSON requests, its body. ``tests/server`` holds
the list of every writing route of MLflow and fails when a new one appears.
"""

import re
from dataclasses import dataclass
from enum import Enum

READS = frozenset({"GET", "HEAD", "OPTIONS"})

_API = r"/(?:ajax-)?api/[0-9.]+/mlflow"
_PROXY = re.compile(rf"{_API}-artifacts(?:/(?P<verb>artifacts|mpu/\w+)/(?P<path>.*)|.*)$", re.S)


class Kind(Enum):
    """What a request would do, and so what is asked about it."""

    PROXY_WRITE = "writes or deletes below a path of the proxy"
    PROXY_PART = "begins, ends or drops an upload in parts below a path of the proxy"
    PROXY_UNKNOWN = "a route of the proxy that this guard does not know"
    UPLOAD = "writes a file of a run that the query names"
    PRESIGN = "hands out a URL that writes a file of a run or logged model"
    PROMPTLAB = "writes files of a new run of an experiment"
    DELETE_RUN = "marks a run for deletion with its artifacts"
    DELETE_EXPERIMENT = "marks an experiment for deletion with its runs"
    DELETE_MODEL = "marks a logged model for deletion with its artifacts"
    DELETE_WORKSPACE = "deletes a workspace with its models"
    CHOOSE_EXPERIMENT_ROOT = "chooses where an experiment keeps artifacts"
    CHOOSE_WORKSPACE_ROOT = "chooses where a workspace keeps artifacts"
    CHOOSE_SOURCE = "names the artifacts of a new model version"


IN_BODY = frozenset(Kind) - {
    Kind.PROXY_WRITE, Kind.PROXY_UNKNOWN, Kind.DELETE_MODEL, Kind.DELETE_WORKSPACE,
}  # fmt: skip
"""Kinds whose request is read whole before it is judged; MLflow holds it in memory too."""

_RULES = tuple(
    (method, re.compile(rf"{_API}/{path}/?$"), kind)
    for method, path, kind in (
        ("POST", "upload-artifact", Kind.UPLOAD),
        ("POST", "artifacts/presigned-upload-url", Kind.PRESIGN),
        ("POST", "runs/create-promptlab-run", Kind.PROMPTLAB),
        ("POST", "runs/delete", Kind.DELETE_RUN),
        ("POST", "experiments/delete", Kind.DELETE_EXPERIMENT),
        ("DELETE", "logged-models/(?P<key>[^/]+)", Kind.DELETE_MODEL),
        ("DELETE", "workspaces/(?P<key>[^/]+)", Kind.DELETE_WORKSPACE),
        ("POST", "experiments/create", Kind.CHOOSE_EXPERIMENT_ROOT),
        ("POST", "workspaces", Kind.CHOOSE_WORKSPACE_ROOT),
        ("PATCH", "workspaces/(?P<key>[^/]+)", Kind.CHOOSE_WORKSPACE_ROOT),
        ("POST", "model-versions/create", Kind.CHOOSE_SOURCE),
    )
)


@dataclass(frozen=True)
class Change:
    """What a request would do.

    Attributes:
        kind: of change.
        key: from the path: the artifact's path below the proxy's root, or an id.
    """

    kind: Kind
    key: str = ""


def change_of(method: str, path: str) -> Change | None:
    """What a request would change, None if no artifact and no place of artifacts.

    Args:
        method: in capitals.
        path: as routed: percent-decoded once.
    """
    if method in READS:
        return None
    path = re.sub("/+", "/", path)
    if proxied := _PROXY.search(path):
        return _proxied(proxied)
    for wanted, pattern, kind in _RULES:
        if method == wanted and (found := pattern.search(path)):
            return Change(kind, found.groupdict().get("key") or "")
    return None


def _proxied(found: re.Match[str]) -> Change:
    if found["verb"] is None:
        return Change(Kind.PROXY_UNKNOWN)
    kind = Kind.PROXY_WRITE if found["verb"] == "artifacts" else Kind.PROXY_PART
    return Change(kind, found["path"])
