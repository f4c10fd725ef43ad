"""A tuning whose tracking server is reached over HTTP: its study is in the database behind it."""

from dataclasses import replace

import mlflow
import pytest
import sqlalchemy as sa
from own_store import own_store
from tracking_server import running
from tuning_settings import CONFIG, MEASUREMENT, SPACE

from flows import tune as flow
from flows import tune_workers
from flows.options import TrainOptions
from flows.tuned_trial import NUMBER, STATE
from ordinis_mlflow.errors import InvalidConfig


@pytest.fixture
def server(tracking_store, tmp_path, monkeypatch):
    """A tracking server, and this process as its client, with a store that it can close."""
    before = mlflow.get_tracking_uri()
    with running(tmp_path / "server") as started, own_store(tmp_path) as store:
        monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "Default")
        monkeypatch.setattr(tune_workers, "open_store", lambda uri: store)
        mlflow.set_tracking_uri(started.url)
        yield started
        mlflow.set_tracking_uri(before)


@pytest.fixture
def behind(postgres):
    """URL of an empty database of PostgreSQL."""
    folder, user = postgres
    admin = sa.create_engine(f"postgresql+psycopg://{user}@/postgres?host={folder}")
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("CREATE DATABASE tuned_over_http"))
    admin.dispose()
    return f"postgresql+psycopg://{user}@/tuned_over_http?host={folder}"


def test_trials_are_runs_of_the_server_and_the_study_is_behind_it(
    server, behind, csv, tmp_path, monkeypatch
):
    space = tmp_path / "space.json"
    space.write_text(SPACE.to_json())
    options = TrainOptions(bars=str(csv), no_trade_band=0.0, recalibrate=False)
    with mlflow.start_run() as run:
        training = flow.load(options, CONFIG)
        job = flow.job_of(training, MEASUREMENT, flow.TuneOptions(space=str(space), trials=2))
        sheet = replace(job.sheet, experiment_id="0", parent=run.info.run_id)
        job = replace(job, sheet=sheet)
        monkeypatch.delenv("ORDINIS_CATALOGUE")
        with pytest.raises(InvalidConfig, match=r"begins with 'http': .* set ORDINIS_CATALOGUE"):
            job.open()
        monkeypatch.setenv("ORDINIS_CATALOGUE", behind)
        assert tune_workers.work(job) == 2
    children = mlflow.search_runs(["0"], f"tags.`{STATE}` = 'done'", output_format="list")
    assert {run.data.tags[NUMBER] for run in children} == {"0", "1"}
    engine = sa.create_engine(behind)
    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT state FROM optuna.trials")).scalars().all()
    engine.dispose()
    assert found == ["COMPLETE", "COMPLETE"]
