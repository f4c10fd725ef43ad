"""The drift reference of a training: of the rows that the model was fitted or chosen by."""

from dataclasses import replace

import mlflow
import numpy as np
import pandas as pd
import pytest

from flows.export import BarWindows, build_package
from flows.options import TrainOptions
from flows.reference import TAG, fitted_rows
from flows.train import train_network
from flows.training import load
from ordinis_mlflow import flavor
from ordinis_mlflow.bars import COLUMNS, Bars
from ordinis_mlflow.drift import DriftReference
from ordinis_mlflow.drift.table import OUTPUTS
from ordinis_mlflow.features import probe_bars
from ordinis_mlflow.network import LSTMConfig

CONFIG = LSTMConfig(hidden_dim=8, num_layers=1, sequence_length=10, epochs=1)


@pytest.fixture(scope="module")
def packaged(tmp_path_factory, tracking_store):
    """A training on two symbols that is long enough, its run and its package."""
    folder = tmp_path_factory.mktemp("long")
    times = pd.date_range("2020-01-01", periods=800, freq="D", tz="UTC")
    frames = [
        pd.DataFrame(part, columns=list(COLUMNS)).assign(symbol=name, timestamp=times)
        for name, part in zip(("AAA", "BBB"), np.split(probe_bars(1600), 2), strict=True)
    ]
    frame = pd.concat(frames, ignore_index=True)
    frame.to_parquet(folder / "long.parquet")
    options = TrainOptions(bars=str(folder / "long.parquet"), int8=False, recalibrate=False)
    training = load(options, CONFIG)
    with mlflow.start_run() as run:
        checkpoint = training.checkpoint(train_network(training, None))
        package = build_package(training, checkpoint, BarWindows(training))
    flavor.save_model(package, folder / "model")
    return training, run.info.run_id, flavor.load_model(str(folder / "model")), frame


def test_the_reference_holds_medians_of_what_a_client_would_be_told(packaged):
    """The oracle: the loaded model's own answers, and the features' own history."""
    training, _, model, frame = packaged
    reference = DriftReference.from_bytes(model.drift)
    features = training.options.feature_set()
    assert reference.columns == (*features.names, *OUTPUTS)
    rows = fitted_rows(training)
    times = np.unique(training.prepared.rows.times[rows])
    assert reference.ordered.shape == (len(reference.columns), len(times))
    assert times.max() < training.prepared.split.test_start
    bars = Bars.from_frame(frame)
    tables = []
    for series in bars.series():
        values = features.history(series.values)
        said = model.signals(Bars((series,))).set_index("timestamp")
        table = pd.DataFrame(values, columns=list(features.names), index=series.timestamps)
        unit = np.maximum(table[model.contract.volatility], model.contract.volatility_floor)
        table[OUTPUTS[0]], table[OUTPUTS[1]] = said["mean"] / unit, said["scale"] / unit
        table[OUTPUTS[2]] = said["probability_up"]
        tables.append(table.loc[pd.to_datetime(times, utc=True)])
    medians = np.median(np.stack(tables), axis=0)
    expected = np.sort(medians.T, axis=1)
    np.testing.assert_allclose(reference.ordered, expected, rtol=1e-4, atol=1e-6)


def test_the_run_says_what_is_kept(packaged):
    _, run_id, _, _ = packaged
    assert "rows of 16 columns" in mlflow.get_run(run_id).data.tags[TAG]


def test_too_few_rows_are_said_and_the_model_is_packaged_all_the_same(
    small_run, small_training, capsys
):
    run_id, checkpoint, package = small_run
    assert package.drift == b""
    assert mlflow.get_run(run_id).data.tags[TAG].startswith("none: a drift reference needs 8")
    plain = replace(small_training, options=replace(small_training.options, recalibrate=False))
    with mlflow.start_run():
        build_package(plain, checkpoint, BarWindows(plain))
    assert "warning: the model is kept without a drift reference" in capsys.readouterr().out
