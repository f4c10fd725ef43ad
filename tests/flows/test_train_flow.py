"""A training from bars to a registered model, and what its run says."""

import dataclasses
import json
import math

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from flows.options import TrainOptions
from flows.train import train
from ordinis_mlflow import flavor
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.tracking.report import RETURNS

BASELINES = (
    "zero_mean_volatility", "ewma_volatility", "garch_t", "gjr_garch_t", "buy_and_hold",
)  # fmt: skip
SCORES = (
    "log_score_nats",
    "pit_ks_distance",
    "rank_ic",
    "sharpe_annual",
    "sharpe_standard_error_annual",
    "total_return_share",
    "max_drawdown_share",
    "turnover_per_bar",
)


def history(run_id, name):
    points = MlflowClient().get_metric_history(run_id, name)
    return [(point.step, point.value) for point in sorted(points, key=lambda point: point.step)]


def test_run_is_finished(trained):
    assert trained.run.info.status == "FINISHED"


def test_parameters_are_all_there(trained, options, network):
    asked = {**dataclasses.asdict(options), **dataclasses.asdict(network)}
    assert trained.run.data.params == {name: str(value) for name, value in asked.items()}


def test_settings_are_kept(trained, options, network):
    kept = json.loads(mlflow.artifacts.load_text(f"runs:/{trained.run_id}/options.json"))
    snapshot = trained.published.training.data.features.name
    assert TrainOptions(**kept["options"]) == dataclasses.replace(options, snapshot=snapshot)
    assert LSTMConfig(**kept["config"]) == network


@pytest.mark.parametrize("name", ["train/loss_nats", "validation/loss_nats"])
def test_losses_by_epoch(trained, network, name):
    steps, values = zip(*history(trained.run_id, name), strict=True)
    assert steps == tuple(range(1, network.epochs + 1))
    assert all(map(math.isfinite, values))


def test_test_numbers_have_stable_names(trained):
    metrics = trained.run.data.metrics
    for prefix in ("test", *(f"test_{name}" for name in BASELINES)):
        assert {f"{prefix}/{score}" for score in SCORES} <= set(metrics)
    for name in BASELINES:
        better = metrics[f"test/log_score_above_{name}_nats"]
        difference = metrics["test/log_score_nats"] - metrics[f"test_{name}/log_score_nats"]
        assert better == pytest.approx(difference, abs=1e-9)
        low, high = (metrics[f"test/log_score_above_{name}_nats_{end}"] for end in ("low", "high"))
        assert low < better < high
    assert all(map(math.isfinite, metrics.values()))


def test_judged_numbers_are_the_logged_ones(trained):
    report = trained.published.report
    assert [each.name for each in report.baselines] == list(BASELINES)
    for name, value in report.model.metrics.items():
        assert trained.run.data.metrics[f"test/{name}"] == value


def test_the_attempt_is_counted(trained):
    tags, metrics = trained.run.data.tags, trained.run.data.metrics
    dates = trained.published.report.span.dates
    assert tags["ordinis.judged.trial"] == trained.run_id
    assert tags["ordinis.judged.first"] == str(dates[0])
    assert tags["ordinis.judged.last"] == str(dates[-1])
    assert metrics["test/trials_count"] >= 1.0


@pytest.mark.parametrize("name", ["scores", "differences", "forecasters", "years", "reliability"])
def test_tables(trained, name):
    text = mlflow.artifacts.load_text(f"runs:/{trained.run_id}/evaluation/{name}.csv")
    assert len(text.splitlines()) > 1


def test_returns_are_kept(trained):
    path = mlflow.artifacts.download_artifacts(f"runs:/{trained.run_id}/{RETURNS}")
    kept = pd.read_parquet(path)
    assert list(kept) == ["model", *BASELINES]
    assert np.array_equal(kept["model"], trained.published.report.model.returns)


def test_snapshot_is_an_input(trained):
    (used,) = trained.run.inputs.dataset_inputs
    training = trained.published.training
    assert used.dataset.digest == training.data.features.name
    assert trained.run.data.tags["ordinis.snapshot"] == used.dataset.digest
    assert {tag.key: tag.value for tag in used.tags} == {"mlflow.data.context": "training"}
    contract = json.loads((trained.model / "contract.json").read_text())
    assert contract["data_digest"] == training.bars.digest()
    assert contract["data_snapshot"] == used.dataset.digest
    assert contract["data_as_of"] is None


def test_snapshot_is_loaded_back_from_the_run(trained):
    (used,) = trained.run.inputs.dataset_inputs
    rows = mlflow.data.get_source(used.dataset).load()
    data = trained.published.training.data
    assert np.array_equal(rows[list(data.table.columns)], data.table.values)
    assert (rows["known_at"] > rows["timestamp"]).all()


def test_scaler_names_its_snapshot_and_rows(trained):
    kept = json.loads((trained.model / "scaler.json").read_text())
    assert kept["snapshot"] == trained.published.training.data.features.name
    assert kept["rows"] > 0


def test_code_is_named(trained):
    tags = trained.run.data.tags
    assert tags["mlflow.source.git.commit"] == trained.commit
    assert tags["ordinis.git.dirty"] == "false"


def test_verdicts_are_told(trained):
    tags, metrics = trained.run.data.tags, trained.run.data.metrics
    for name in ("parity_with_torch", "parity_with_numpy_features"):
        assert tags[f"ordinis.verdict.{name}"].startswith(f"{name} passed")
        assert 0 <= metrics[f"export/{name}"] <= 1e-5
    assert tags["ordinis.int8"].startswith(("kept", "dropped"))
    assert (trained.model / "model.int8.onnx").exists() == (tags["ordinis.int8"] == "kept")
    assert any(tag.startswith("ordinis.verdict.int8") for tag in tags)
    assert "ordinis.fp16" not in tags


@pytest.mark.parametrize(
    "name", ["loss", "volatility", "calibration", "reliability", "returns", "information"]
)
def test_figures(trained, name):
    path = mlflow.artifacts.download_artifacts(f"runs:/{trained.run_id}/figures/{name}.png")
    with open(path, "rb") as file:
        content = file.read()
    assert content.startswith(b"\x89PNG")
    assert len(content) > 5_000


def test_model_is_registered(trained):
    assert str(trained.champion.version) == trained.published.version
    assert trained.champion.run_id == trained.run_id


def test_registered_model_answers_as_the_logged_one(trained):
    bars = trained.published.training.bars
    one = flavor.load_model(f"models:/flows/{trained.published.version}").signals(bars)
    other = flavor.load_model(trained.published.model_uri).signals(bars)
    assert one.equals(other)
    assert np.isfinite(one[["mean", "scale"]].to_numpy()).all()


def test_int8_where_there_is_nothing_to_shrink(csv, tracking_store):
    """int8 is on by default: a network too small for it is packaged without it."""
    options = TrainOptions(bars=str(csv), int8=True)
    published = train(options, LSTMConfig(hidden_dim=8, num_layers=1, sequence_length=10, epochs=1))
    run = mlflow.get_run(published.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["ordinis.int8"].startswith("dropped")
