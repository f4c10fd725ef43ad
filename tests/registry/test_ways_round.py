"""Every way round the gates that anybody thought of, tried on a real server."""

import base64
import time

import pytest
from one_model import AJAX, BAD, CHAMPION, GOOD, Registry


@pytest.fixture
def registry(server, request):
    return Registry(server, f"m{abs(hash(request.node.nodeid))}")


def after(*asked):
    """The last answer, of several requests."""
    return asked[-1]


REFUSED = {
    "REST transition": lambda r: (r.stage(BAD), 403),
    "ajax transition": lambda r: (r.stage(BAD, base=AJAX), 403),
    "stage in another case": lambda r: (r.stage(BAD, "PRODUCTION"), 403),
    "archive_existing_versions": lambda r: (r.stage(BAD, archive=True), 403),
    "archive_existing_versions to None": lambda r: (r.stage(BAD, "None", archive=True), 400),
    "version written otherwise": lambda r: (r.stage(" 0_2"), 403),
    "to Staging": lambda r: (r.stage(BAD, "Staging"), 403),
    "alias instead of stage": lambda r: (r.alias(BAD), 403),
    "ajax alias": lambda r: (r.alias(BAD, base=AJAX), 403),
    "alias in another case": lambda r: (r.alias(BAD, "Champion"), 403),
    "alias in full-width letters": lambda r: (r.alias(BAD, "ｃhampion"), 403),
    "alias with a line break": lambda r: (r.alias(BAD, "champion\n"), 403),
    "alias of a place of its own": lambda r: (r.alias(BAD, "canary"), 403),
    "a stage that MLflow keeps to itself": lambda r: (r.stage(BAD, "Deleted_Internal"), 400),
    "tag of a decision": lambda r: (r.tag("ordinis.promotion.decision"), 403),
    "ajax tag": lambda r: (r.tag("ordinis.promotion.decision", base=AJAX), 403),
    "tag in another case": lambda r: (r.tag("Ordinis.Promotion.decision"), 403),
    "tag of the model": lambda r: (
        r.ask("registered-models/set-tag", key="ordinis.promotion.x", value="1"),
        403,
    ),
    "deleting a tag of a decision": lambda r: (
        r.ask(
            "model-versions/delete-tag",
            method="DELETE",
            version=GOOD,
            key="ordinis.promotion.decision",
        ),
        403,
    ),
    "deleting a tag of the model": lambda r: (
        r.ask("registered-models/delete-tag", method="DELETE", key="ordinis.promotion.x"),
        403,
    ),
    "tag at registration": lambda r: (
        r.ask(
            "model-versions/create",
            source=r.version()["source"],
            run_id=r.version()["run_id"],
            tags=[{"key": "ordinis.promotion.decision", "value": "promote"}],
        ),
        403,
    ),
    "tag at the model's registration": lambda r: (
        r.server.post(
            "registered-models/create",
            {"name": f"{r.name}-x", "tags": [{"key": "ordinis.promotion.x", "value": "1"}]},
        ),
        403,
    ),
    "deleting the champion": lambda r: (
        r.ask("model-versions/delete", method="DELETE", version=GOOD),
        403,
    ),
    "deleting the champion's model": lambda r: (
        r.ask("registered-models/delete", method="DELETE"),
        403,
    ),
    "renaming the champion's model": lambda r: (
        r.ask("registered-models/rename", new_name=f"{r.name}-new"),
        403,
    ),
    "a prompt by its tag": lambda r: (
        after(
            r.ask("registered-models/set-tag", key="mlflow.prompt.is_prompt", value="true"),
            r.alias(BAD),
        ),
        403,
    ),
    "other tags for evidence": lambda r: (after(r.tag("gate", "pass"), r.stage(BAD)), 403),
}


@pytest.mark.parametrize("way", REFUSED)
def test_refused(registry, way):
    answer, status = REFUSED[way](registry)
    assert answer.status_code == status, answer.text
    assert "Traceback" not in answer.text
    assert registry.server.facts(registry.name) == CHAMPION


def test_deleting_the_alias_and_setting_it_on_another(registry):
    assert registry.unalias().status_code == 200
    assert registry.server.facts(registry.name) == []
    assert registry.alias(BAD).status_code == 403
    assert registry.server.facts(registry.name) == []


def test_an_alias_of_one_stage_and_the_stage_of_another(registry):
    other = registry.server.register(registry.name)
    assert registry.alias(other, "challenger").status_code == 200
    assert registry.stage(other).status_code == 200
    assert registry.server.facts(registry.name) == [("@champion", 3), ("Production", 3)]


def test_a_copy_has_no_evidence_and_no_mirror(registry):
    name = f"{registry.name}-copy"
    registry.server.post("registered-models/create", {"name": name})
    tags = [
        {"key": "ordinis.promotion.decision", "value": "promote"},
        {"key": "mine", "value": "1"},
    ]
    body = {"name": name, "source": f"models:/{registry.name}/{BAD}", "tags": tags}
    copied = registry.server.post("model-versions/create", body).json()["model_version"]
    assert copied["tags"] == [{"key": "mine", "value": "1"}]
    body = {"name": name, "version": "1", "stage": "Production"}
    assert registry.server.post("model-versions/transition-stage", body).status_code == 403


def client_of(server):
    """MLflow's own; another test's registry may still be the one of this process."""
    from mlflow import MlflowClient

    return MlflowClient(server.url, registry_uri=server.url)


def test_mlflows_own_client_copies_without_the_mirror(registry, tracking_store):
    client = client_of(registry.server)
    copied = client.copy_model_version(f"models:/{registry.name}/{GOOD}", f"{registry.name}-copy")
    assert (copied.tags, copied.current_stage, copied.aliases) == ({}, "None", [])


def test_a_model_that_was_made_anew_begins_anew(registry):
    """The first version of the new model has the number of the old champion."""
    assert registry.stage(GOOD, "Archived").status_code == 200
    assert registry.ask("registered-models/delete", method="DELETE").status_code == 200
    registry.server.register(registry.name, "fail")
    assert registry.stage(GOOD).status_code == 403
    assert registry.server.facts(registry.name) == []


def test_a_version_that_was_registered_anew_is_judged(registry):
    assert registry.ask("model-versions/delete", method="DELETE", version=BAD).status_code == 200
    assert registry.stage(BAD).status_code == 404
    assert registry.stage(registry.server.register(registry.name, "fail")).status_code == 403


def test_a_renamed_model_is_judged_under_its_new_name(registry):
    assert registry.stage(GOOD, "Archived").status_code == 200
    name = f"{registry.name}-new"
    assert registry.ask("registered-models/rename", new_name=name).status_code == 200
    body = {"name": name, "version": BAD, "stage": "Production"}
    assert registry.server.post("model-versions/transition-stage", body).status_code == 403


def test_a_claimed_name_is_not_believed(registry, decisions):
    code = base64.b64encode(b"head.of.risk:guess").decode()
    body = {"name": registry.name, "version": BAD, "stage": "Production"}
    registry.server.post(
        "model-versions/transition-stage", body, headers={"Authorization": f"Basic {code}"}
    )
    assert decisions(registry.name)[-1].entry.who == "anonymous at 127.0.0.1"


def test_a_refusal_is_quick_and_the_client_does_not_wait(registry, tracking_store):
    from mlflow.exceptions import RestException

    begun = time.monotonic()
    with pytest.raises(RestException, match=r"PERMISSION_DENIED: version 2 of .* planted FAILED"):
        client_of(registry.server).set_registered_model_alias(registry.name, "champion", BAD)
    assert time.monotonic() - begun < 2.0


@pytest.fixture
def decisions(server):
    """Read the server's ledger."""
    import sqlalchemy as sa

    from ordinis_mlflow.ledger import Ledger

    engine = sa.create_engine(f"sqlite:///{server.database}")
    ledger = Ledger(engine)
    yield lambda name: sorted(ledger.decisions(name), key=lambda each: each.number)
    engine.dispose()
