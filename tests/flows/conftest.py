"""What tests of flows share: bars in a file, a finished training, ways to run an entry point."""

import contextlib
import multiprocessing
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import git
import pandas as pd
import pytest
from own_store import own_store, words
from warm import instead_of_spawned

ROOT = Path(__file__).parents[2]
EPOCHS = 60  # of tiny epochs: long enough to be killed in the middle
ACTOR = git.Actor("tests", "tests@localhost")


@pytest.fixture(scope="session")
def frame():
    from ordinis_mlflow.bars import COLUMNS
    from ordinis_mlflow.features import probe_bars

    times = pd.date_range("2020-01-01", periods=420, freq="D", tz="UTC")
    return pd.DataFrame(probe_bars(420), columns=list(COLUMNS)).assign(timestamp=times)


@pytest.fixture(scope="session")
def csv(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("flows") / "daily.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def network():
    """Settings of the smallest network that INT8 has something to quantise in."""
    from ordinis_mlflow.network import LSTMConfig

    return LSTMConfig(
        hidden_dim=16, num_layers=1, sequence_length=10, epochs=EPOCHS, patience=EPOCHS
    )


@pytest.fixture(scope="session")
def options(csv):
    from flows.options import TrainOptions

    return TrainOptions(bars=str(csv), no_trade_band=0.001, register="flows", alias="champion")


@pytest.fixture(scope="session")
def tiny(csv):
    """The smallest training as command-line pairs."""
    values = {
        "bars": csv,
        "hidden_dim": 8,
        "num_layers": 1,
        "sequence_length": 10,
        "epochs": 2,
        "int8": "false",
    }
    return {name: str(value) for name, value in values.items()}


@pytest.fixture(scope="session")
def trained(options, network, tracking_store, tmp_path_factory):
    """A finished training, never stopped, started in a git repository without changes."""
    import mlflow

    from flows.train import train

    folder = tmp_path_factory.mktemp("clean")
    with git.Repo.init(folder) as repository:
        commit = repository.index.commit("one", author=ACTOR, committer=ACTOR).hexsha
    with contextlib.chdir(folder):
        published = train(options, network)
    champion = mlflow.MlflowClient().get_model_version_by_alias("flows", "champion")
    return SimpleNamespace(
        published=published,
        champion=champion,  # of the time: trainings that go on from this one move the alias
        run_id=published.run_id,
        run=mlflow.get_run(published.run_id),
        commit=commit,
        model=packaged(published.model_uri),
    )


@pytest.fixture
def run_ids(tracking_store):
    """Ids of every run in the store, asked anew at each call: of the database itself, as MLflow
    reads all that is known of each run, and a session has a thousand.
    """

    def call():
        with contextlib.closing(sqlite3.connect(tracking_store / "mlflow.db")) as database:
            return {run_id for (run_id,) in database.execute("SELECT run_uuid FROM runs")}

    return call


@pytest.fixture(scope="module")
def warm_workers():
    """Processes that flows start have imported everything already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multiprocessing, "get_context", instead_of_spawned)
        yield


@pytest.fixture
def environment(tracking_store):
    """This process's environment, with the interpreter's programs first on PATH."""
    programs = Path(sys.executable).parent
    return {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def mlflow_run(environment, tmp_path):
    """``mlflow run -e train`` as a user types it; also gives the id of the run."""

    def call(*arguments, **variables):
        command = [sys.executable, "-m", "mlflow", "run", str(ROOT), "-e", "train"]
        command += ["--env-manager", "local", *arguments]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**environment, **variables},
            timeout=120,
        )
        output = done.stdout + done.stderr
        (run_id,) = re.findall(r"in run with ID '([0-9a-f]{32})'", output)
        return SimpleNamespace(status=done.returncode, output=output, run_id=run_id)

    return call


def packaged(model_uri):
    """The folder of a logged model."""
    import mlflow

    return Path(mlflow.artifacts.download_artifacts(model_uri))


@pytest.fixture(scope="module")
def store(tracking_store, tmp_path_factory):
    """A store of the module's own, which flows use meanwhile."""
    with own_store(tmp_path_factory.mktemp("own")) as made:
        yield made


@pytest.fixture
def flow(run_ids):
    """Run the main of a flow; the run that it made."""
    import mlflow

    def call(main, **options):
        before = run_ids()
        main(words(**options))
        (run_id,) = run_ids() - before
        return mlflow.get_run(run_id)

    return call
