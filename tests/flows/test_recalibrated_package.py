"""Recalibration on the way from a checkpoint to a package: chosen, told, exported and promised."""

import dataclasses
from types import SimpleNamespace

import mlflow
import numpy as np
import pytest
import torch
from scipy import stats

from flows import packaging, recalibrating
from flows.export import BarWindows, build_package
from flows.training import OPTIONS, recorded_settings
from ordinis_mlflow import flavor, recalibration_choice
from ordinis_mlflow.graph.export import SignalGraph, history_signal
from ordinis_mlflow.recalibration import NONE, Recalibration
from ordinis_mlflow.tracking import tracked_run

TAG = "ordinis.recalibration"


def overconfident(checkpoint):
    """The same training with a head that claims far too much."""
    weights = dict(checkpoint.state.best_weights)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        noise = torch.randn_like(weights["head.weight"])
    noise[1] = 0.0  # the scale stays
    weights["head.weight"] = weights["head.weight"] + 40.0 * noise
    state = dataclasses.replace(checkpoint.state, best_weights=weights)
    return dataclasses.replace(checkpoint, state=state)


@pytest.fixture(scope="module")
def made(small_training, small_checkpoint, tracking_store, tmp_path_factory):
    """A package of the overconfident network, loaded, with its run."""
    with pytest.MonkeyPatch.context() as patch, tracked_run({}, {}) as run:
        patch.setattr(recalibration_choice, "LEAST_ROWS", 50)  # of some 80 in the small training
        windows = BarWindows(small_training)
        package = build_package(small_training, overconfident(small_checkpoint), windows)
    folder = tmp_path_factory.mktemp("recalibrated") / "model"
    flavor.save_model(package, folder)
    return SimpleNamespace(
        package=package,
        run=mlflow.get_run(run.info.run_id),
        model=flavor.load_model(str(folder)),
        contract=flavor.load_model(str(folder)).contract,
    )


def promised(contract):
    return Recalibration(contract.recalibration, contract.recalibration_parameters)


def of_distribution(mean, scale, contract):
    """Probability of a rise by the forecast's own location and scale."""
    ratio = np.asarray(mean, np.float64) / np.asarray(scale, np.float64)
    return stats.t.cdf(ratio, contract.degrees_of_freedom)


def test_contract_says_so(made):
    assert made.contract.recalibration in ("platt", "isotonic")
    assert made.contract == made.package.contract


def test_run_says_so(made):
    tags, metrics = made.run.data.tags, made.run.data.metrics
    assert tags[TAG].startswith(f"{made.contract.recalibration}: ")
    for method in ("platt", "isotonic"):
        name = f"recalibration_{method}_gain_nats"
        assert name in tags[TAG]
        assert tags[f"ordinis.verdict.{name}"].startswith(name)
        assert np.isfinite(metrics[f"export/{name}"])
    assert metrics[f"export/recalibration_{made.contract.recalibration}_gain_nats"] > 0


def test_graph_agrees_with_torch_and_numpy(made):
    for name in ("parity_with_torch", "parity_with_numpy_features"):
        assert made.run.data.tags[f"ordinis.verdict.{name}"].startswith(f"{name} passed")


def test_probe_carries_it(made):
    signal = made.package.probe.expected["float32"]
    plain = of_distribution(signal.mean, signal.scale, made.contract)
    expected = promised(made.contract).apply(plain)
    np.testing.assert_allclose(signal.probability_up, expected, rtol=0, atol=1e-5)
    assert np.abs(signal.probability_up - plain).max() > 0.01


def test_loaded_model_answers_recalibrated(made, small_bars):
    signals = made.model.signals(small_bars)
    plain = of_distribution(signals["mean"], signals["scale"], made.contract)
    expected = promised(made.contract).apply(plain)
    np.testing.assert_allclose(signals["probability_up"], expected, rtol=0, atol=1e-5)
    # Overconfident before, near what is known after.
    assert np.abs(plain - 0.5).mean() > 0.3
    assert np.abs(signals["probability_up"] - 0.5).mean() < 0.2


def test_direction_is_read_off_the_recalibrated_probability(made, small_bars):
    signals = made.model.signals(small_bars)
    strength = np.abs(2 * signals["probability_up"] - 1)
    np.testing.assert_allclose(signals["strength"], strength, atol=1e-6)
    sure = np.abs(strength - made.contract.no_trade_band) > 1e-5
    sign = np.sign(signals["probability_up"] - 0.5) * (strength > made.contract.no_trade_band)
    assert (signals["direction"] == sign)[sure].all()


def test_too_few_rows_are_told_and_nothing_is_recalibrated(small_run):
    run_id, _, package = small_run
    tags = mlflow.get_run(run_id).data.tags
    assert tags[TAG].startswith("none: recalibration_rows FAILED")
    assert (package.contract.recalibration, package.contract.recalibration_parameters) == (
        "none",
        (),
    )


@pytest.fixture
def judged(small_training, small_checkpoint, monkeypatch):
    """What choose is given for the small training."""
    given = []

    def watched(*arguments):
        given.append(arguments)
        return NONE, ()

    monkeypatch.setattr(recalibrating, "choose", watched)
    network = small_checkpoint.best_network()
    recalibrating.recalibrate(small_training.forecast, small_training.prepared, network)
    (arguments,) = given
    return arguments


def test_judged_is_what_the_graph_would_say(judged, small_training, small_checkpoint):
    prepared = small_training.prepared
    rows = prepared.rows.ready[prepared.split.validation]
    module = SignalGraph(
        small_training.options.feature_set(),
        prepared.scaler,
        small_checkpoint.best_network(),
        small_training.forecast,
        packaging.VOLATILITY,
        small_training.config.sequence_length,
    )
    expected = history_signal(module, BarWindows(small_training).at(rows)).probability_up
    np.testing.assert_allclose(judged[0], expected, rtol=0, atol=1e-6)


def test_judged_on_validation_rows_alone(judged, small_training):
    """Outcomes and label times of the validation rows, and no others."""
    probability, happened, starts, ends, lags = judged
    rows, split = small_training.prepared.rows, small_training.prepared.split
    assert len(probability) == len(split.validation)
    np.testing.assert_array_equal(happened, rows.labels[rows.ready[split.validation]] > 0)
    assert starts.max() < rows.times[rows.ready[split.test]].min()
    assert starts.min() > rows.times[rows.ready[split.train]].max()
    assert (ends > starts).all()
    assert lags >= small_training.forecast.horizon - 1


def test_it_can_be_left_out(small_training, small_checkpoint, monkeypatch):
    monkeypatch.setattr(recalibrating, "choose", lambda *_: pytest.fail("it was asked"))
    options = dataclasses.replace(small_training.options, recalibrate=False)
    asked = dataclasses.replace(small_training, options=options)
    with tracked_run({}, {}) as run:
        training = packaging.recalibrated(asked, small_checkpoint.best_network())
    assert training.forecast.recalibration == NONE
    assert mlflow.get_run(run.info.run_id).data.tags[TAG] == "none: not asked for"


def test_settings_from_before_it_are_read(small_training):
    options = dataclasses.asdict(small_training.options)
    del options["recalibrate"]
    config = dataclasses.asdict(small_training.config)
    with tracked_run({}, {}) as run:
        mlflow.log_dict({"options": options, "config": config}, OPTIONS)
    assert recorded_settings(run.info.run_id)[0] == small_training.options
