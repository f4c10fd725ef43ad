"""The entry point crisis: a small model of 2003 to June 2008 meets the autumn."""

import re

import mlflow
import pytest
import retrained
from mlflow import MlflowClient
from own_store import words
from sound_policy import SOUND

from flows import crisis, retraining
from flows.crisis import CrisisOptions
from flows.crisis_log import PAGE
from flows.gated import decisions
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.promotion.policy_file import read_policy

SMALL = {
    "trained_until": "2008-06-30", "end": "2008-12-31", "check_every": 21, "register": "small",
    "hidden_dim": 8, "sequence_length": 10, "epochs": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def gated(tracking_store, tmp_path_factory):
    with retrained.gated(tmp_path_factory.mktemp("crisis"), SOUND):
        yield


def newest_run():
    (found,) = mlflow.search_runs(
        filter_string="tags.`ordinis.entry_point` = 'crisis'",
        order_by=["attributes.start_time DESC"],
        max_results=1,
        output_format="list",
    )
    return found


def below(run):
    query = f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"
    return mlflow.search_runs(filter_string=query, output_format="list")


def test_the_crisis_is_seen_and_answered(gated, capsys, monkeypatch):
    monkeypatch.setattr(retraining, "_project", retrained.trained_here)
    crisis.main(words(**SMALL))
    run, said = newest_run(), " ".join(capsys.readouterr().out.split())
    model = f"small-{run.info.run_id[:8]}"
    assert run.info.status == "FINISHED"
    assert f"{model}: 6 checks from 2008-07-30 to 2008-12-29" in said
    assert re.search(r"2008-(09|10)-\d\d( to [\d-]+)? drift from version 1, \d alarms?:", said)
    assert "RETRAINING 1 (drift)" in said
    (second,) = (each for each in decisions(model) if each.version == "2")
    assert f"version 2 promoted: decision {second.number}, every gate passed" in said
    assert "At the end version 2 trades." in said
    assert MlflowClient().get_model_version_by_alias(model, "champion").version == 2
    page = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/{PAGE}")
    for shown in (model, "Lehman Brothers", f"decision {second.number}"):
        assert shown in page
    checks = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/checks.txt")
    assert f"{model} version 1, bar 2008-07-30" in checks
    children = {each.data.tags["mlflow.runName"] for each in below(run)}
    assert {f"monitor {model} 1", f"monitor {model} 2"} <= children
    assert run.data.metrics["retrains"] == 1.0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"end": "2006-01-01"}, "begin must be before trained_until and that before end"),
        ({"check_every": 0}, "check_every must be 1 or more, got 0"),
        ({"register": "a/b"}, "register 'a/b'"),
        ({"hidden_dim": 0}, "hidden_dim must be at least 1, got 0"),
        ({"begin": "long ago"}, "begin 'long ago' is not a time"),
    ],
)
def test_options_that_do_not_fit(wrong, said):
    with pytest.raises(InvalidConfig, match=said):
        CrisisOptions(**wrong)


def test_without_a_check_nothing_is_trained(gated, run_ids):
    before = run_ids()
    with pytest.raises(InvalidConfig, match="fewer than check_every=900 bars"):
        crisis.main(words(check_every=900))
    assert run_ids() == before


def test_without_gates_nothing_is_trained(gated, run_ids):
    before, uri = run_ids(), mlflow.get_registry_uri()
    mlflow.set_registry_uri(mlflow.get_tracking_uri())
    try:
        with pytest.raises(InvalidConfig, match="has no gates"):
            crisis.main(words())
    finally:
        mlflow.set_registry_uri(uri)
    assert run_ids() == before


def test_the_built_in_policy_asks_no_age_of_a_model_of_the_past():
    gates = {each.name for each in read_policy().gates("sp500_2006-0a1b2c3d", "Production")}
    assert "performance" in gates
    assert "age" not in gates
