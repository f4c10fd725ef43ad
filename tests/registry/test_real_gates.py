"""One promotion through the built-in policy and its real gates."""

import contextlib
import os
import shutil

import pytest
from mlflow.exceptions import MlflowException


@pytest.fixture
def built_in(opened, database, monkeypatch):
    """A store with the built-in policy; its gates find the feature store of the session."""
    monkeypatch.delenv("ORDINIS_POLICY")
    monkeypatch.setenv("ORDINIS_CATALOGUE", os.environ["MLFLOW_TRACKING_URI"])
    return opened()


def test_every_gate_is_asked_and_written(built_in, saved_package, tmp_path):
    built_in.create_registered_model("small")
    built_in.create_model_version("small", saved_package.as_uri())
    altered = shutil.copytree(saved_package, tmp_path / "altered")
    (altered / "scaler.json").write_text("{}")
    built_in.create_model_version("small", altered.as_uri())
    with pytest.raises(MlflowException, match="manifest FAILED"):
        built_in.transition_model_version_stage("small", 2, "Staging", False)
    seen = []
    for target in ("Staging", "Production"):
        with contextlib.suppress(MlflowException):  # so few epochs may do or not
            built_in.transition_model_version_stage("small", 1, target, False)
        seen.append(built_in.ledger.decisions("small")[0].entry)
    names = [verdict.name for verdict in seen[1].verdicts]
    assert {"manifest", "probe", "contract", "performance", "latency"} <= set(names)
    passed = {verdict.name for verdict in seen[1].verdicts if verdict.passed}
    assert {"manifest", "probe", "precision"} <= passed
    assert len(seen[1].digests) == len([f for f in saved_package.rglob("*") if f.is_file()])
