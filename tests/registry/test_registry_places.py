"""Stage and alias are one fact, however it is asked for, and one version at a time has it."""

import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.entities.paged_list import PagedList

WHOLE = [("@champion", 2), ("Production", 2)]


def by_stage(store, version, stage="Production"):
    return store.transition_model_version_stage("m", version, stage, False)


def by_alias(store, version, alias="champion"):
    store.set_registered_model_alias("m", alias, version)


def by_promote(store, version):
    store.promote("m", version, "@champion")


def actions(store, model="m"):
    rows = sorted(store.ledger.decisions(model), key=lambda each: each.number)
    return [(row.entry.action, str(row.entry.version), row.entry.target) for row in rows]


@pytest.mark.parametrize("first", [by_stage, by_alias, by_promote])
@pytest.mark.parametrize("then", [by_stage, by_alias, by_promote])
def test_every_way_up_is_the_same(store, version, facts, first, then):
    version(), version()
    first(store, 1)
    assert facts() == [("@champion", 1), ("Production", 1)]
    then(store, 2)
    assert facts() == WHOLE
    assert store.get_model_version("m", 1).current_stage == "Archived"
    assert actions(store) == [("promote", "1", "Production"), ("promote", "2", "Production")]
    assert store.ledger.verify() == []


def test_the_stage_is_read_in_any_case(store, version, facts):
    version()
    answer = by_stage(store, "1", "pRODUCTION")
    assert (answer.current_stage, answer.aliases) == ("Production", ["champion"])


def test_asking_again_changes_nothing(store, version):
    version()
    by_stage(store, 1)
    by_alias(store, 1)
    assert actions(store) == [("promote", "1", "Production")]


def test_a_challenger_becomes_champion(store, version, facts):
    version(), version()
    by_stage(store, 1)
    by_alias(store, 2, "challenger")
    assert facts() == [
        ("@challenger", 2), ("@champion", 1), ("Production", 1), ("Staging", 2)
    ]  # fmt: skip
    by_alias(store, 2)
    assert facts() == WHOLE
    assert actions(store)[2:] == [("promote", "2", "Production")]
    now = 2**63 - 1
    assert store.ledger.holder_at("m", "Staging", now) is None
    assert store.ledger.holder_at("m", "Production", now).entry.version == "2"


def test_a_champion_is_no_challenger(store, version, facts):
    version()
    by_stage(store, 1)
    for ask in (lambda: by_stage(store, 1, "Staging"), lambda: by_alias(store, 1, "challenger")):
        with pytest.raises(MlflowException, match="archive it first") as caught:
            ask()
        assert caught.value.get_http_status_code() == 400
    assert facts() == [("@champion", 1), ("Production", 1)]


def test_an_alias_by_itself_moves_without_a_stage(store, version, facts):
    version(), version()
    by_stage(store, 1)
    by_alias(store, 1, "canary")
    by_alias(store, 2, "canary")
    assert facts() == [("@canary", 2), ("@champion", 1), ("Production", 1)]
    store.delete_registered_model_alias("m", "canary")
    assert actions(store)[-1] == ("demote", "2", "@canary")


@pytest.mark.parametrize(
    "leave",
    [
        lambda store: store.delete_registered_model_alias("m", "champion"),
        lambda store: by_stage(store, 1, "Archived"),
        lambda store: by_stage(store, 1, "None"),
    ],
)
def test_leaving_is_free_and_written(store, version, facts, leave):
    version()
    by_stage(store, 1)
    leave(store)
    assert facts() == []
    assert actions(store)[-1] == ("demote", "1", "Production")


def test_what_stood_there_before_there_were_gates_is_judged(store, version, facts):
    version("fail"), version(), version()
    plain = store._desk.plain
    for number in (1, 2):
        plain.transition_model_version_stage("m", number, "Production", False)
    plain.set_registered_model_alias("m", "Champion", 1)
    with pytest.raises(MlflowException, match="planted FAILED"):
        by_stage(store, 1)
    by_stage(store, 3)
    assert facts() == [("@champion", 3), ("Production", 3)]


def test_other_aliases_and_searches_are_mlflows(store, version):
    version()
    by_alias(store, 1, "blue")
    store.delete_registered_model_alias("m", "blue")
    assert isinstance(store.search_model_versions("name = 'm'"), PagedList)
    assert actions(store) == []


def test_the_mirror_tells_and_is_not_read(store, version):
    version("fail")
    with pytest.raises(MlflowException):
        by_stage(store, 1)
    tags = store.get_model_version("m", 1).tags
    assert "refuse Production by" in tags["ordinis.promotion.decision"]
    assert "planted FAILED" in tags["ordinis.promotion.verdicts"]
    assert tags["ordinis.promotion.ledger"] == "/ordinis/ledger/m/1"
