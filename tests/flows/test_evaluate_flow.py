"""``mlflow.models.evaluate`` with the evaluator ordinis, and the entry point evaluate."""

import json
import warnings

import mlflow
import numpy as np
import pytest
from mlflow.exceptions import MlflowException
from mlflow.models import MetricThreshold
from mlflow.models.evaluation.validation import ModelValidationFailedException

from flows import evaluate
from flows.evaluate import EvaluateOptions
from ordinis_mlflow.bars import load_bars
from ordinis_mlflow.errors import InvalidConfig

BASELINES = (
    "zero_mean_volatility", "ewma_volatility", "garch_t", "gjr_garch_t", "buy_and_hold",
)  # fmt: skip


@pytest.fixture(scope="module")
def table(csv):
    return load_bars(str(csv)).frame


def judge(model, table, **config):
    with mlflow.start_run() as run, warnings.catch_warnings():
        # MLflow warns of integer columns of its own data set, which bars do not have to fear.
        warnings.simplefilter("ignore")
        result = mlflow.models.evaluate(
            model,
            table,
            model_type="signal",
            evaluators="ordinis",
            evaluator_config={"samples": 100, **config},
        )
    return mlflow.get_run(run.info.run_id), result


@pytest.fixture(scope="module")
def judged(trained, table):
    return judge(trained.published.model_uri, table)


def test_scores_are_those_of_the_training_run(judged, trained):
    """The packaged model, asked for its signals anew, is what the training judged."""
    _, result = judged
    for name, value in trained.published.report.model.metrics.items():
        assert result.metrics[name] == pytest.approx(value, rel=1e-6, abs=1e-9), name
    for baseline in trained.published.report.baselines:
        name = f"{baseline.name}/log_score_nats"
        assert result.metrics[name] == pytest.approx(baseline.metrics["log_score_nats"], rel=1e-6)


def test_every_metric_is_in_the_run_and_finite(judged):
    run, result = judged
    assert all(np.isfinite(value) for value in result.metrics.values())
    assert {name: run.data.metrics[name] for name in result.metrics} == result.metrics
    for name in BASELINES:
        low, high = (
            result.metrics[f"log_score_above_{name}_nats_{end}"] for end in ("low", "high")
        )
        assert low <= result.metrics[f"log_score_above_{name}_nats"] <= high
    assert 0.0 <= result.metrics["spa_p_value"] <= 1.0


def test_tables_and_figures_are_in_the_run(judged):
    run, _ = judged
    client = mlflow.MlflowClient()
    files = {f.path for folder in ("evaluation", "figures")
             for f in client.list_artifacts(run.info.run_id, folder)}  # fmt: skip
    tables = ("scores", "differences", "forecasters", "years", "reliability", "monte_carlo")
    assert {f"evaluation/{name}.csv" for name in tables} <= files
    figures = ("returns", "reliability", "calibration", "information", "volatility")
    assert {f"figures/{name}.png" for name in figures} <= files


def test_to_judge_a_model_again_is_no_new_attempt(judged, trained, table):
    run, result = judged
    assert run.data.tags["ordinis.judged.trial"] == trained.run_id
    _, again = judge(trained.published.model_uri, table)
    assert again.metrics["trials_count"] == result.metrics["trials_count"]


def test_another_model_is_judged_on_the_same_rows(trained, table):
    uri = trained.published.model_uri
    _, result = judge(uri, table, against=uri, metric_prefix="test_")
    assert result.metrics["test_log_score_above_other_nats"] == 0.0
    assert result.metrics["test_log_score_above_other_nats_low"] == 0.0


def test_thresholds_are_mlflow_s_own(judged):
    _, result = judged
    score = result.metrics["log_score_nats"]
    reached = {"log_score_nats": MetricThreshold(threshold=score - 1.0, greater_is_better=True)}
    mlflow.validate_evaluation_results(reached, result)
    missed = {"log_score_nats": MetricThreshold(threshold=score + 1.0, greater_is_better=True)}
    with pytest.raises(ModelValidationFailedException, match="log_score_nats"):
        mlflow.validate_evaluation_results(missed, result)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda table: table.iloc[:-60], "none of these .* is later"),
        (lambda table: table.iloc[-170:], "baselines are fitted on bars from before"),
        (lambda table: table.drop(columns="close"), "close"),
        (lambda table: table.assign(close=np.nan), "close"),
    ],
    ids=["nothing new", "nothing old", "no close", "NaN"],
)
def test_bars_that_cannot_be_judged_are_refused(trained, table, change, reason):
    with pytest.raises(MlflowException, match=reason):
        judge(trained.published.model_uri, change(table))


def test_a_setting_that_is_not_known_is_refused(trained, table):
    with pytest.raises(MlflowException, match=r"may hold .*, got \['cost'\] as well"):
        judge(trained.published.model_uri, table, cost=1.0)


def test_a_model_of_another_flavor_is_refused(table, tracking_store):
    def other(data):
        return np.zeros(len(data))

    with pytest.raises(MlflowException, match="judges models of the flavor ordinis, got"):
        judge(other, table)


def test_the_entry_point(flow, csv, trained, capsys, tmp_path):
    limits = tmp_path / "limits.json"
    limits.write_text(json.dumps({"brier_score": {"threshold": 1.0, "greater_is_better": False}}))
    run = flow(
        evaluate.main,
        bars=csv,
        model=trained.published.model_uri,
        samples=100,
        thresholds=limits,
    )
    text = capsys.readouterr().out
    assert run.info.status == "FINISHED"
    assert run.data.params["model"] == trained.published.model_uri
    assert f"log_score_nats             {run.data.metrics['log_score_nats']:.4f}" in text
    assert "log_score_above_gjr_garch_t_nats" in text


def test_a_threshold_that_is_missed_fails_the_run(flow, csv, trained, run_ids, tmp_path):
    limits = tmp_path / "limits.json"
    limits.write_text(json.dumps({"brier_score": {"threshold": 0.0, "greater_is_better": False}}))
    before = run_ids()
    with pytest.raises(InvalidConfig, match="brier_score"):
        flow(evaluate.main, bars=csv, model=trained.published.model_uri, samples=100,
             thresholds=limits)  # fmt: skip
    (failed,) = run_ids() - before
    assert mlflow.get_run(failed).info.status == "FAILED"


@pytest.mark.parametrize("text", ["[]", "{", '{"a": 1}', '{"a": {"limit": 1}}'])
def test_a_file_that_holds_no_thresholds_is_refused(tmp_path, text):
    path = tmp_path / "limits.json"
    path.write_text(text)
    with pytest.raises(InvalidConfig, match="must be a JSON object such as"):
        EvaluateOptions(thresholds=str(path)).limits()
