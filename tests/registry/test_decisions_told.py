"""What a server tells flows of its decisions is what its ledger holds."""

import mlflow
import pytest

from flows.gated import Server, decisions
from ordinis_mlflow.errors import PromotionRefused


@pytest.fixture
def told(new_server):
    server = new_server("--app-name", "ordinis")
    before = mlflow.get_registry_uri()
    mlflow.set_registry_uri(server.url)
    yield server
    mlflow.set_registry_uri(before)


def test_decisions_of_a_server(told):
    told.register("m π"), told.register("m π", "fail")
    gated = Server(told.url)
    gated.promote("m π", "1", "Production", "first & best", "")
    with pytest.raises(PromotionRefused, match="planted"):
        gated.promote("m π", "2", "Production", "retraining 1: drift", "")
    refused, promoted = decisions("m π")
    assert (refused.version, refused.promoted, refused.reason) == (
        "2", False, "retraining 1: drift",
    )  # fmt: skip
    assert (promoted.version, promoted.promoted, promoted.reason) == ("1", True, "first & best")
    assert [each.passed for each in (*refused.verdicts, *promoted.verdicts)] == [False, True]
    assert list(decisions("nobody")) == []
    assert promoted.number < refused.number


def test_a_server_without_a_ledger_is_said_to_have_none(server, monkeypatch):
    monkeypatch.setattr("flows.gated.mlflow.get_registry_uri", lambda: server.url)
    with pytest.raises(PromotionRefused, match="--app-name ordinis"):
        list(decisions("m"))
