"""The entry point ``audit_leakage``: verdicts in a run of their own, and status 1 on a leak."""

import contextlib

import mlflow
import numpy as np
import pytest
from own_store import words
from random_market import market

from flows import audit_leakage
from flows.audit_leakage import AuditOptions, audited_settings
from flows.audited import TrainingPipeline
from flows.options import TrainOptions
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.lineage.trace import TRAINING
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.network.dataset import DeviceSamples
from ordinis_mlflow.network.train import evaluate


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    # Nothing repeats itself here, unlike in bars made of sines, in which a forecast that is shifted
    # by their period is right again.
    path = tmp_path_factory.mktemp("random") / "market.parquet"
    market(1, days=420).frame.to_parquet(path)
    return {
        "bars": path,
        "hidden_dim": 8,
        "num_layers": 1,
        "sequence_length": 12,
        "learning_rate": 0.01,
        "epochs": 2,
    }


@pytest.fixture(scope="module")
def audited(small_training):
    """What the pipeline makes of the bars of a training."""
    return TrainingPipeline.of(small_training, lambda windows: None)


def newest_run():
    (run,) = mlflow.search_runs(
        filter_string="tags.`ordinis.entry_point` = 'audit_leakage'",
        order_by=["attributes.start_time DESC"],
        max_results=1,
        output_format="list",
    )
    return run


@pytest.fixture(scope="module")
def clean(settings, tracking_store):
    """The run of an audit that found nothing, and what it printed."""
    audit_leakage.main(words(**settings))
    return newest_run()


def test_the_pipeline_learns_what_training_learns(audited, small_training, small_checkpoint):
    fitted, prepared = audited.fit(small_training.bars), small_training.prepared
    for name, value in small_checkpoint.state.best_weights.items():
        np.testing.assert_array_equal(fitted.weights[name], value.numpy())
    np.testing.assert_array_equal(fitted.features.values, prepared.rows.features)
    losses = [epoch.validation_loss for epoch in small_checkpoint.state.epochs]
    np.testing.assert_array_equal(fitted.choices, losses)
    scaler = prepared.scaler
    np.testing.assert_array_equal(fitted.scaler, [scaler.center, scaler.scale])
    assert len(fitted.train) == len(prepared.train)
    assert fitted.test.sum() == len(prepared.test)


def test_the_pipelines_forecasts_are_those_of_the_package(audited, small_training, small_package):
    from flows.packaging import CPU, BarWindows
    from ordinis_mlflow.graph.session import GraphSession

    fitted = audited.fit(small_training.bars)
    session = GraphSession(small_package.graphs["float32"], CPU)
    signal = BarWindows(small_training).signal(session, small_training.prepared.rows.ready)
    np.testing.assert_allclose(fitted.prediction.mean, signal.mean, atol=1e-6)
    np.testing.assert_allclose(fitted.prediction.scale, signal.scale, rtol=1e-4)


def test_the_pipelines_choices_are_losses_of_the_validation_part(small_checkpoint, small_training):
    import torch

    network = small_checkpoint.best_network()
    samples = DeviceSamples(small_training.prepared.validation, torch.device("cpu"))
    loss = evaluate(network, samples, small_training.config.degrees_of_freedom)
    assert loss == pytest.approx(small_checkpoint.state.best.validation_loss, rel=1e-6)


def test_an_audit_is_one_finished_run_with_a_verdict_of_each_check(clean):
    assert clean.info.status == "FINISHED"
    assert clean.data.tags["ordinis.leakage"] == "clean"
    table = mlflow.load_table("leakage.json", run_ids=[clean.info.run_id])
    assert table["passed"].all()
    names = list(table["name"])
    assert len(names) == len(set(names)) == 13
    for name, observed in zip(names, table["observed"], strict=True):
        assert clean.data.metrics[f"leakage/{name}"] == pytest.approx(observed)
        assert clean.data.tags[f"ordinis.verdict.{name}"].startswith(f"{name} passed: ")
    assert clean.data.params["epochs"] == "2"
    assert clean.data.params["shuffle_seed"] == "7"


def test_an_audit_names_the_snapshot_and_is_no_training(clean):
    (logged,) = clean.inputs.dataset_inputs
    assert clean.data.tags["ordinis.snapshot"]
    assert [tag.value for tag in logged.tags] != [TRAINING]


def test_a_leak_ends_the_process_with_status_1_and_the_run_finished(
    settings, tracking_store, monkeypatch, capsys
):
    def on_test(self, network, prepared):
        from ordinis_mlflow.network import fit

        return fit(network, prepared.train, prepared.test, self.config)

    monkeypatch.setattr(TrainingPipeline, "train", on_test)
    with pytest.raises(SystemExit, match=r"a leak was found by .* test_reaches_choices"):
        audit_leakage.main(words(**settings))
    lines = capsys.readouterr().out.splitlines()
    (line,) = (each for each in lines if each.startswith("test_reaches_choices"))
    assert "FAILED: " in line
    assert "early stopping reads the test part" in line
    assert sum(" passed: " in each or " FAILED: " in each for each in lines) == 13
    run = newest_run()
    assert (run.info.status, run.data.tags["ordinis.leakage"]) == ("FINISHED", "found")


@pytest.mark.parametrize("name", ["resume", "register"])
def test_what_an_audit_does_not_do_is_refused(name, settings):
    with pytest.raises(InvalidConfig, match=f"{name} = 'some'"):
        audit_leakage.main(words(**settings, **{name: "some"}))


def test_a_runs_settings_are_audited_with_fewer_epochs_if_asked_for(small_run, small_training):
    run_id, asked = small_run[0], TrainOptions()
    options, config = audited_settings(run_id, asked, LSTMConfig())
    assert options.snapshot == small_training.options.snapshot
    assert config == small_training.config
    assert audited_settings(run_id, asked, LSTMConfig(epochs=1))[1].epochs == 1
    for wrong in (LSTMConfig(epochs=40), LSTMConfig(hidden_dim=32)):
        with pytest.raises(InvalidConfig, match="contradicts run"):
            audited_settings(run_id, asked, wrong)


def test_a_run_is_audited_by_its_id(small_run, small_training):
    # Bars made of sines: a forecast that is shifted by their period may be right again.
    with contextlib.suppress(SystemExit):
        audit_leakage.main(words(run_id=small_run[0], epochs=1))
    run = newest_run()
    assert run.info.status == "FINISHED"
    assert run.data.params["run_id"] == small_run[0]
    assert run.data.params["hidden_dim"] == str(small_training.config.hidden_dim)
    assert run.data.params["epochs"] == "1"
    assert run.data.metrics["leakage/test_reaches_weights"] == 0.0


def test_an_unusable_seed_is_refused():
    with pytest.raises(InvalidConfig, match="shuffle_seed must be 0 or more, got -1"):
        AuditOptions(shuffle_seed=-1)
