"""The guard's rules: what a change is asked, and the sentence with which it is refused."""

import posixpath
from collections.abc import Callable, Sequence

from mlflow.exceptions import MlflowException
from mlflow.server.handlers import _get_workspace_scoped_repo_path_if_enabled
from mlflow.utils.uri import validate_path_is_safe

from ordinis_mlflow.server.asked import Asked, Refused, json_object, texts
from ordinis_mlflow.server.ownership import PROMPT_SOURCES, model_of, run_and_path
from ordinis_mlflow.server.places import Place, Places, UnreadablePlace, within
from ordinis_mlflow.server.registered import RegisteredPlaces
from ordinis_mlflow.server.routes import Kind


class Rules:
    """Judges changes for one server.

    Args:
        registered: what belongs to registered versions.
        places: how the server reads a URI.
        allowed: URIs below which a client may choose a place.
    """

    def __init__(self, registered: RegisteredPlaces, places: Places, allowed: Sequence[str]):
        self._registered = registered
        self._places = places
        self._allowed = [places.of_uri(uri) for uri in allowed]
        self._names = ", ".join(allowed)
        self._judges: dict[Kind, Callable[[Asked], None]] = {
            Kind.PROXY_WRITE: self._proxy_write,
            Kind.PROXY_PART: self._proxy_part,
            Kind.PROXY_UNKNOWN: self._unknown,
            Kind.UPLOAD: self._upload,
            Kind.PRESIGN: self._presign,
            Kind.PROMPTLAB: self._promptlab,
            Kind.DELETE_RUN: self._delete_run,
            Kind.DELETE_EXPERIMENT: self._delete_experiment,
            Kind.DELETE_MODEL: self._delete_model,
            Kind.DELETE_WORKSPACE: self._delete_workspace,
            Kind.CHOOSE_EXPERIMENT_ROOT: self._choose_experiment_root,
            Kind.CHOOSE_WORKSPACE_ROOT: self._choose_workspace_root,
            Kind.CHOOSE_SOURCE: self._choose_source,
        }

    def judge(self, asked: Asked) -> None:
        """Let a change through, or not.

        Raises:
            Refused: with the reason.
        """
        try:
            self._judges[asked.change.kind](asked)
        except (UnreadablePlace, MlflowException) as error:  # MLflow would not take the path either
            raise Refused(str(error), "INVALID_PARAMETER_VALUE") from error

    def _proxy_write(self, asked: Asked) -> None:
        self._untouched(self._proxied(asked.change.key))

    def _proxy_part(self, asked: Asked) -> None:
        folder = asked.change.key
        self._outside(self._proxied(folder))
        for name in asked.said("path"):
            for below in (name, posixpath.basename(name)):
                self._untouched(self._proxied(posixpath.join(folder, below)))

    def _unknown(self, asked: Asked) -> None:
        raise Refused(
            "this route of the artifact proxy is not one that MLflow 3.17.2 has: the server does "
            "not know what it would change"
        )

    def _upload(self, asked: Asked) -> None:
        paths = [_safe(path) for path in asked.query.get("path", ())]
        for run in asked.query.get("run_uuid", ()):
            roots = self._run_roots(run)
            for root in roots:
                for path in paths:
                    self._untouched(self._places.below(root, path))

    def _run_roots(self, run: str) -> list[str]:
        """Where the upload route writes: it makes up the path of a proxied run by itself."""
        root = self._registered.artifact_root("run", run)
        if root is None:
            return []
        experiment = self._registered.experiment_of_run(run)
        made_up = _scoped(f"{experiment}/{run}/artifacts")
        return [root, f"mlflow-artifacts:/{made_up}"]

    def _presign(self, asked: Asked) -> None:
        roots = [self._registered.artifact_root("run", run) for run in asked.said("run_id")]
        roots += [self._registered.artifact_root("model", one) for one in asked.said("model_id")]
        for root in filter(None, roots):
            for path in asked.said("path"):
                self._untouched(self._places.below(root, _safe(path)))

    def _promptlab(self, asked: Asked) -> None:
        for experiment in asked.said("experiment_id"):
            root = self._registered.artifact_root("experiment", experiment)
            if root:
                self._outside(self._places.of_uri(root))

    def _delete_run(self, asked: Asked) -> None:
        for run in asked.said("run_id", "run_uuid"):
            self._unowned(self._registered.index().runs.get(run), f"run {run}")

    def _delete_experiment(self, asked: Asked) -> None:
        for experiment in asked.said("experiment_id"):
            owner = self._registered.index().experiments.get(experiment)
            self._unowned(owner, f"experiment {experiment}")

    def _delete_model(self, asked: Asked) -> None:
        key = asked.change.key
        self._unowned(self._registered.index().models.get(key), f"logged model {key}")

    def _delete_workspace(self, asked: Asked) -> None:
        key = asked.change.key
        self._unowned(self._registered.index().workspaces.get(key), f"workspace {key}")

    def _choose_experiment_root(self, asked: Asked) -> None:
        for uri in asked.said("artifact_location"):
            self._may_choose(uri)

    def _choose_workspace_root(self, asked: Asked) -> None:
        archival = json_object(asked.body)
        for name in ("trace_archival_config", "traceArchivalConfig"):
            for uri in texts(archival.get(name) or {}, "location"):
                self._may_choose(uri)
        for uri in asked.said("default_artifact_root"):
            self._may_choose(uri)

    def _choose_source(self, asked: Asked) -> None:
        for source in asked.said("source"):
            if source in PROMPT_SOURCES:
                continue
            place = self._resolved(source)
            self._allowed_place(place, source)
            if place in self._allowed:
                raise Refused(
                    f"{source!r} is all that this server keeps, and registered artifacts are not "
                    "changed any more: name the folder of one model"
                )

    def _resolved(self, source: str) -> Place | None:
        run, path = run_and_path(source)
        if run:
            root = self._registered.artifact_root("run", run)
            return self._places.below(root, path) if root else None
        if model := model_of(source):
            root = self._registered.artifact_root("model", model)
            return self._places.of_uri(root) if root else None
        if source.startswith("models:/"):
            return None  # another version, whose source was judged when it was made
        return self._places.of_uri(source)

    def _may_choose(self, uri: str) -> None:
        if uri.strip():
            place = self._places.of_uri(uri.strip())
            self._allowed_place(place, uri)
            self._outside(place)

    def _allowed_place(self, place: Place | None, uri: str) -> None:
        if place is not None and not any(within(place, root) for root in self._allowed):
            raise Refused(
                f"{uri!r} lies outside the places where this server keeps artifacts "
                f"({self._names}): leave the place to the server, or ask its operator to name "
                "another root in ORDINIS_ARTIFACT_ROOTS"
            )

    def _proxied(self, path: str) -> Place:
        return self._places.of_proxied(_scoped(_safe(path)))

    def _untouched(self, place: Place) -> None:
        self._unowned(self._registered.index().touched_by(place), "/".join(place))

    def _outside(self, place: Place) -> None:
        self._unowned(self._registered.index().holding(place), "/".join(place))

    @staticmethod
    def _unowned(owner: str | None, what: str) -> None:
        if owner is not None:
            raise Refused(
                f"{what} holds artifacts of the registered model version {owner}, which are not "
                "changed once they are registered: log a new model, and register that"
            )


def _safe(path: str) -> str:
    """What MLflow makes of a path: decoded, and ``file:`` taken off.

    Raises:
        Refused: MLflow would not make sense of it.
    """
    try:
        return validate_path_is_safe(path)
    except ValueError as error:
        raise Refused(f"the artifact path {path!r} is not readable", "BAD_REQUEST") from error


def _scoped(path: str) -> str:
    return _get_workspace_scoped_repo_path_if_enabled(path) or ""
