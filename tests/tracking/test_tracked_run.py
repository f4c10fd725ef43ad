"""A run always ends, and says which code it ran."""

import os
import signal
import threading

import git
import mlflow
import pytest
from mlflow import MlflowClient

import ordinis_mlflow
from ordinis_mlflow.tracking import tracked_run
from ordinis_mlflow.tracking.run import provenance

ACTOR = git.Actor("tests", "tests@localhost")
COMMIT, DIRTY = "mlflow.source.git.commit", "ordinis.git.dirty"

pytestmark = pytest.mark.usefixtures("tracking_store")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A git repository with one commit, and this process in it."""
    monkeypatch.chdir(tmp_path)
    with git.Repo.init(tmp_path) as made:
        (tmp_path / "code.py").write_text("x = 1\n")
        (tmp_path / ".gitignore").write_text("*.csv\n")
        made.index.add(["code.py", ".gitignore"])
        made.index.commit("one", author=ACTOR, committer=ACTOR)
        yield made


def status(run):
    return mlflow.get_run(run.info.run_id).info.status


def test_finished():
    with tracked_run({"a": 1, "b": "x"}, {"c": "y"}) as run:
        assert status(run) == "RUNNING"
    ended = mlflow.get_run(run.info.run_id)
    assert ended.info.status == "FINISHED"
    assert ended.data.params == {"a": "1", "b": "x"}
    assert ended.data.tags["c"] == "y"
    assert ended.data.tags["ordinis.version"] == ordinis_mlflow.__version__


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_failed(error):
    with pytest.raises(error), tracked_run({}, {}) as run:
        raise error
    assert status(run) == "FAILED"
    assert mlflow.active_run() is None


def test_joins_the_run_of_mlflow_run(monkeypatch):
    """``mlflow run`` has logged the parameters as they were typed, and logs no others."""
    client = MlflowClient()
    experiment = mlflow.get_experiment_by_name(os.environ["MLFLOW_EXPERIMENT_NAME"])
    run_id = client.create_run(experiment.experiment_id).info.run_id
    client.log_param(run_id, "learning_rate", "1e-3")
    monkeypatch.setenv("MLFLOW_RUN_ID", run_id)
    with tracked_run({"learning_rate": 0.001, "seed": 7}, {}) as run:
        assert run.info.run_id == run_id
    ended = mlflow.get_run(run_id)
    assert ended.info.status == "FINISHED"
    assert ended.data.params == {"learning_rate": "1e-3", "seed": "7"}


def test_termination_ends_the_run_and_the_handler_is_put_back():
    def handler(number, frame):
        raise AssertionError("not this one")

    previous = signal.signal(signal.SIGTERM, handler)
    try:
        with pytest.raises(SystemExit) as left, tracked_run({}, {}) as run:  # noqa: PT012
            os.kill(os.getpid(), signal.SIGTERM)
            signal.sigtimedwait([], 1)
        assert left.value.code == 128 + signal.SIGTERM
        assert status(run) == "FAILED"
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, previous)


def test_handler_is_put_back_after_a_good_end():
    before = signal.getsignal(signal.SIGTERM)
    with tracked_run({}, {}):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_outside_of_the_main_thread():
    """Signals are the main thread's alone; the run is tracked all the same."""
    ended = []

    def work():
        with tracked_run({"a": 1}, {}) as run:
            pass
        ended.append(status(run))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == ["FINISHED"]


def test_clean(repository):
    told = provenance()
    assert told == {
        "ordinis.version": ordinis_mlflow.__version__,
        COMMIT: repository.head.commit.hexsha,
        DIRTY: "false",
    }


def test_from_a_folder_inside(repository, tmp_path, monkeypatch):
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    assert provenance()[COMMIT] == repository.head.commit.hexsha


@pytest.mark.parametrize("change", ["edited", "staged", "untracked", "removed"])
def test_dirty(repository, tmp_path, change):
    if change == "untracked":
        (tmp_path / "new.py").write_text("")
    elif change == "removed":
        (tmp_path / "code.py").unlink()
    else:
        (tmp_path / "code.py").write_text("x = 2\n")
    if change == "staged":
        repository.index.add(["code.py"])
    assert provenance()[DIRTY] == "true"
    assert provenance()[COMMIT] == repository.head.commit.hexsha


def test_ignored_files_do_not_make_it_dirty(repository, tmp_path):
    (tmp_path / "bars.csv").write_text("")
    assert provenance()[DIRTY] == "false"


def test_no_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = provenance()
    assert told[DIRTY] == "unknown"
    assert COMMIT not in told


def test_repository_without_a_commit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    git.Repo.init(tmp_path).close()
    told = provenance()
    assert told[DIRTY] == "unknown"
    assert COMMIT not in told


def test_repository_that_git_distrusts(repository, monkeypatch):
    """A checkout of another user, as in a container: git refuses it, a training need not."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own switch for tests
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    assert provenance()[DIRTY] in ("unknown", "false")


def test_tags_of_the_run(repository):
    with tracked_run({}, {}) as run:
        pass
    tags = mlflow.get_run(run.info.run_id).data.tags
    assert (tags[COMMIT], tags[DIRTY]) == (repository.head.commit.hexsha, "false")
