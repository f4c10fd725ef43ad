"""How tests ask a store, and what they expect of a refusal."""

import pytest
from mlflow.exceptions import MlflowException

DECIDE = "ordinis_mlflow.registry.judgement.decide"


def refusal(ask, status):
    """The message of what must be refused."""
    with pytest.raises(MlflowException) as caught:
        ask()
    assert caught.value.get_http_status_code() == status, caught.value.message
    assert "Traceback" not in caught.value.message
    assert caught.value.message.count("\n") <= 1
    return caught.value.message


def promote(store, version=1, model="m"):
    return store.transition_model_version_stage(model, version, "Production", False)


def rows(store):
    return sorted(store.ledger.decisions(), key=lambda each: each.number)
