"""What tests share: a tracking store of their own, small bars, and one small trained package."""

import os
import shutil
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import settings

pytest_plugins = ["databases"]

EXPERIMENT = "tests"
BARS_A_SYMBOL = 420

torch.set_num_threads(1)
settings.register_profile("ordinis", deadline=None)
settings.load_profile("ordinis")

_store = Path(tempfile.mkdtemp(prefix="ordinis-tests-"))
# Before mlflow is imported by anyone: nothing may be written into the checkout, or sent anywhere.
os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{_store / 'mlflow.db'}"
os.environ.pop("MLFLOW_REGISTRY_URI", None)
os.environ.pop("MLFLOW_RUN_ID", None)
os.environ.pop("MLFLOW_EXPERIMENT_ID", None)
os.environ["MLFLOW_EXPERIMENT_NAME"] = EXPERIMENT
os.environ["ORDINIS_STORE"] = str(_store / "store")
os.environ.pop("ORDINIS_CATALOGUE", None)
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DO_NOT_TRACK"] = "true"


def pytest_unconfigure():
    shutil.rmtree(_store, ignore_errors=True)


@pytest.fixture(scope="session")
def tracking_store():
    """MLflow's database and artifact folder of this session, with an experiment to log to.

    Every test that talks to MLflow asks for it.
    """
    with warnings.catch_warnings():
        # MLflow warns of its own type hints when pyfunc is imported, and SQLAlchemy 2.1 of how
        # MLflow's tables are mapped when they are configured: once each, and not of our doing.
        warnings.simplefilter("ignore")
        import mlflow.pyfunc

        mlflow.create_experiment(EXPERIMENT, artifact_location=(_store / "artifacts").as_uri())
    return _store


@pytest.fixture(scope="session")
def small_frame():
    """Daily bars of two symbols, made by formula."""
    from ordinis_mlflow.bars import COLUMNS
    from ordinis_mlflow.features import probe_bars

    times = pd.date_range("2020-01-01", periods=BARS_A_SYMBOL, freq="D", tz="UTC")
    parts = np.split(probe_bars(2 * BARS_A_SYMBOL), 2)
    frames = [
        pd.DataFrame(part, columns=list(COLUMNS)).assign(symbol=symbol, timestamp=times)
        for symbol, part in zip(("AAA", "BBB"), parts, strict=True)
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="session")
def small_bars(small_frame):
    from ordinis_mlflow.bars import Bars

    return Bars.from_frame(small_frame)


@pytest.fixture(scope="session")
def small_bars_file(small_frame, tmp_path_factory):
    """The same bars as a Parquet file, as a flow reads them."""
    path = tmp_path_factory.mktemp("bars") / "small.parquet"
    small_frame.to_parquet(path)
    return path


@pytest.fixture(scope="session")
def small_training(small_bars_file, tracking_store):
    """Options, network settings and prepared samples of the smallest training."""
    from flows.options import TrainOptions
    from flows.training import load
    from ordinis_mlflow.network import LSTMConfig

    options = TrainOptions(bars=str(small_bars_file), int8=False)
    config = LSTMConfig(
        hidden_dim=8, num_layers=1, sequence_length=12, epochs=2, learning_rate=1e-2
    )
    return load(options, config)


@pytest.fixture(scope="session")
def small_run(small_training, tracking_store):
    """(run id, checkpoint, package) of a run that trained and built, but logged no model."""
    from flows.export import BarWindows, build_package
    from flows.train import train_network
    from flows.training import record
    from ordinis_mlflow.tracking import tracked_run

    with tracked_run({}, {"ordinis.entry_point": "train"}) as run:
        record(small_training)
        checkpoint = small_training.checkpoint(train_network(small_training, None))
        package = build_package(small_training, checkpoint, BarWindows(small_training))
    return run.info.run_id, checkpoint, package


@pytest.fixture(scope="session")
def small_checkpoint(small_run):
    return small_run[1]


@pytest.fixture(scope="session")
def small_package(small_run):
    """A trained, packaged model with a float32 graph alone."""
    return small_run[2]


@pytest.fixture(scope="session")
def saved_package(small_package, tmp_path_factory):
    """``small_package`` saved as an MLflow model: read only; tests that change it copy it."""
    from ordinis_mlflow import flavor

    folder = tmp_path_factory.mktemp("saved") / "model"
    flavor.save_model(small_package, folder)
    return folder


@pytest.fixture(scope="session")
def small_model(saved_package):
    """The loaded model."""
    from ordinis_mlflow import flavor

    return flavor.load_model(str(saved_package))


@pytest.fixture(scope="session")
def small_windows(small_bars, small_package):
    """Forty windows of raw bars that ``small_model`` accepts, shape (40, lookback, 5)."""
    values = next(small_bars.series()).values
    n = small_package.contract.lookback
    starts = range(0, 80, 2)
    return np.stack([values[start : start + n] for start in starts])
