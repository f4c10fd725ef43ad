"""``mlflow run`` as a user types it: refusals, and one tiny training out of a database."""

import os
import re
import shlex
from pathlib import Path

import mlflow
import mlflow.projects
import pytest
from mlflow.exceptions import ExecutionException

from flows.source import URL_VARIABLE

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("tracking_store")
SECRET = "hunter2hunter2"


def test_missing_bars(mlflow_run):
    done = mlflow_run("-P", "bars=missing.csv")
    assert done.status != 0
    assert (
        done.output.splitlines().count("error: there is no file missing.csv; check the path") == 1
    )
    assert "Traceback" not in done.output
    assert mlflow.get_run(done.run_id).info.status == "FAILED"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("learning_rate", "abc", r"error: argument --learning_rate: invalid float value: 'abc'$"),
        ("nonsense", "1", r"error: unrecognized arguments: --nonsense 1$"),
    ],
)
def test_what_mlflow_does_not_check(name, value, reason, environment, monkeypatch, capfd):
    """The same through MLflow's function behind ``mlflow run``, which starts sooner."""
    monkeypatch.setenv("PATH", environment["PATH"])
    experiment = os.environ["MLFLOW_EXPERIMENT_NAME"]
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    with pytest.raises(ExecutionException) as error:
        mlflow.projects.run(
            str(ROOT),
            "train",
            experiment_name=experiment,
            parameters={name: value},
            env_manager="local",
        )
    (run_id,) = re.findall(r"'([0-9a-f]{32})'", str(error.value))
    output = capfd.readouterr().err
    assert len(re.findall(reason, output, flags=re.M)) == 1, output
    assert "Traceback" not in output
    assert mlflow.get_run(run_id).info.status == "FAILED"


@pytest.fixture
def database(frame, tmp_path):
    """A SQLite file whose path is a secret, with the bars in it."""
    import sqlalchemy

    url = f"sqlite:///{tmp_path / SECRET}.db"
    rows = frame.assign(timestamp=frame["timestamp"].dt.strftime("%Y-%m-%d %H:%M:%S"))
    engine = sqlalchemy.create_engine(url)
    rows.to_sql("bars", engine, index=False)
    engine.dispose()
    return url


def test_from_a_database(database, tiny, mlflow_run, tracking_store):
    query = "select * from bars where open > 0 order by timestamp"
    settings = tiny | {"bars": "sql", "query": query, "timezone": "UTC", "symbol": "AAA"}
    settings |= {"learning_rate": "1e-3", "epochs": "1"}
    pairs = (word for name, value in settings.items() for word in ("-P", f"{name}={value}"))
    done = mlflow_run(*pairs, **{URL_VARIABLE: database})
    assert done.status == 0, done.output
    run = mlflow.get_run(done.run_id)
    assert run.info.status == "FINISHED"
    assert shlex.split(run.data.params["query"]) == [query]  # MLflow logs it quoted for the shell
    assert float(run.data.params["learning_rate"]) == 1e-3
    assert "test/log_score_nats" in run.data.metrics

    # The URL is nowhere: not in the database of runs, nor in any file that was logged.
    assert SECRET not in done.output
    files = [path for path in tracking_store.rglob("*") if path.is_file()]
    assert any("checkpoints" in path.parts for path in files)
    for path in files:
        assert SECRET.encode() not in path.read_bytes(), os.path.relpath(path, tracking_store)
