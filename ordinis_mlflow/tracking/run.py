"""A run that always ends: joined or started, described, and FAILED when anything goes wrong."""

import contextlib
import signal
import threading
from collections.abc import Iterator, Mapping
from types import FrameType

import git
import mlflow
from mlflow.environment_variables import MLFLOW_RUN_ID
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT

import ordinis_mlflow


@contextlib.contextmanager
def tracked_run(
    parameters: Mapping[str, object], tags: Mapping[str, str], apart: bool = False
) -> Iterator[mlflow.ActiveRun]:
    """Start a run, or join the one that ``mlflow run`` has made for this process.

    An exception ends it FAILED, and so does SIGTERM; only SIGKILL leaves it RUNNING.

    Args:
        parameters: logged, except those that ``mlflow run`` has logged already.
        tags: set besides those that tell the code's version.
        apart: not to join it but to nest a run of its own: what ``mlflow run`` has logged are its
            defaults, which parameters taken from an earlier run would contradict for ever.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_termination_raises())
        if apart and MLFLOW_RUN_ID.get():
            stack.enter_context(mlflow.start_run())
        run = stack.enter_context(mlflow.start_run(nested=apart))
        logged = mlflow.get_run(run.info.run_id).data.params
        mlflow.log_params({k: v for k, v in parameters.items() if k not in logged})
        mlflow.set_tags({**provenance(), **tags})
        yield run


def provenance() -> dict[str, str]:
    """Which code is running: version, git commit, and whether the tree had uncommitted changes."""
    tags = {"ordinis.version": ordinis_mlflow.__version__}
    try:
        repository = git.Repo(search_parent_directories=True)
        commit = repository.head.commit.hexsha
    except (git.InvalidGitRepositoryError, ValueError, BrokenPipeError):
        # No repository, one without a commit, or another user's, over which git hangs up.
        return {**tags, "ordinis.git.dirty": "unknown"}
    dirty = repository.is_dirty(untracked_files=True)
    return {**tags, MLFLOW_GIT_COMMIT: commit, "ordinis.git.dirty": str(dirty).lower()}


@contextlib.contextmanager
def to_the_end() -> Iterator[None]:
    """What an interrupted run still has to log: SIGTERM does not end it.

    ``mlflow run`` sends one a fourth of a second after Ctrl-C. Main thread only.
    """
    previous = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextlib.contextmanager
def _termination_raises() -> Iterator[None]:
    """SIGTERM as an exception, so that the run is ended on the way out."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    previous = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
