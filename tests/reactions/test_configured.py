"""The policy's tables of reactions: what they ask for, and what is refused without repeating it."""

import math
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import ClassVar

import pytest
from contracts.reaction_suite import decision_of

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.ledger import ACTIONS
from ordinis_mlflow.promotion import read_policy
from ordinis_mlflow.promotion.policy_file import BUILT_IN
from ordinis_mlflow.reactions import installed_reactions, read_reactions


@dataclass(frozen=True)
class Bell:
    name: ClassVar[str] = "bell"
    tone: str
    rings: int = 1
    volume: float = 0.5
    muted: bool = False

    def __post_init__(self):
        if self.rings < 1:
            raise InvalidConfig("rings must be at least 1")

    def react(self, decision, key):
        raise NotImplementedError


@dataclass(frozen=True)
class Gong(Bell):
    name: ClassVar[str] = "gong"
    actions: ClassVar[tuple[str, ...]] = ("promote", "rollback")


KINDS = {"bell": Bell, "gong": Gong}


def read(**tables):
    return read_reactions(tables, KINDS)


def test_a_table_is_a_reaction():
    (bell,) = read(bell={"tone": "a", "volume": 1})
    assert (bell.name, bell.reaction) == ("bell", Bell("a", volume=1.0))
    assert (bell.actions, bell.models) == (ACTIONS, "*")


def test_several_of_one_kind_each_by_its_name():
    desk, risk = read(
        desk={"kind": "gong", "tone": "a", "models": "sp*"},
        risk={"kind": "gong", "tone": "b", "actions": ["rollback"]},
    )
    assert (desk.actions, risk.actions) == (("promote", "rollback"), ("rollback",))
    for action, model, follows in (
        ("promote", "sp500", (True, False)),
        ("rollback", "sp500", (True, True)),
        ("rollback", "SP500", (False, True)),
        ("refuse", "sp500", (False, False)),
    ):
        entry = decision_of(action=action, model=model).entry
        assert (desk.follows(entry), risk.follows(entry)) == follows


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, r"reactions.bell needs \['tone'\]"),
        ({"tone": "s3cret", "pitch": "s3cret"}, r"unknown keys \['pitch'\]: it may hold"),
        ({"tone": ["s3cret"]}, "reactions.bell.tone must be a text"),
        ({"tone": "s3cret", "rings": True}, "rings must be a whole number"),
        ({"tone": "s3cret", "rings": 1.0}, "rings must be a whole number"),
        ({"tone": "s3cret", "rings": 0}, "reactions.bell: rings must be at least 1"),
        ({"tone": "s3cret", "volume": math.nan}, "volume must be a finite number"),
        ({"tone": "s3cret", "muted": 1}, "muted must be true or false"),
        ({"tone": "s3cret", "kind": "horn"}, r"'horn', which is none of .*\['bell', 'gong'\]"),
        ({"tone": "s3cret", "kind": 1}, "kind must be a text"),
        ({"tone": "s3cret", "models": 1}, "models must be a text"),
        ({"tone": "s3cret", "actions": ["sell"]}, "actions = .'sell'. must be a list"),
        ({"tone": "s3cret", "actions": []}, "must be a list of one or more"),
        ({"tone": "s3cret", "actions": "promote"}, "must be a list"),
        ({"tone": "s3cret", "kind": "gong", "actions": ["refuse"]}, r"of \['promote', 'rollback'"),
        ("s3cret", "reactions.bell must be a table"),
    ],
)
def test_what_is_not_sound_is_named_and_not_repeated(table, said):
    with pytest.raises(InvalidConfig, match=said) as caught:
        read(bell=table)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["a b", "a:b", "", "x" * 65, "bell\n"])
def test_names_that_are_none(name):
    with pytest.raises(InvalidConfig, match="letters, digits"):
        read(**{name: {"kind": "bell", "tone": "a"}})


class TestPolicyFile:
    @pytest.fixture
    def policy(self, tmp_path):
        def call(text):
            file = tmp_path / "policy.toml"
            file.write_text(BUILT_IN.read_text() + text)
            return read_policy(file)

        return call

    def test_the_built_in_policy_has_none(self):
        assert read_policy().reactions == ()
        assert read_policy().reactions_to(decision_of().entry) == []

    def test_those_of_the_house(self, policy):
        found = policy(
            '[reactions.notification]\nfolder = "n"\nactions = ["promote", "rollback"]\n'
            '[reactions.webhook]\nurl = "https://example.com/a"\nsecret_env = "S"\n'
            '[reactions.reload]\nurl = "http://127.0.0.1:1/b"\nsecret_env = "S"\nmodels = "sp*"\n'
        )
        for action, model, names in (
            ("promote", "sp500", ["notification", "webhook", "reload"]),
            ("promote", "other", ["notification", "webhook"]),
            ("refuse", "sp500", ["webhook"]),
            ("demote", "sp500", ["webhook"]),
        ):
            assert found.reactions_to(decision_of(action=action, model=model).entry) == names

    def test_a_password_in_a_url_is_not_repeated(self, policy):
        with pytest.raises(InvalidConfig, match=r"policy.toml: reactions.webhook: url") as caught:
            policy('[reactions.webhook]\nurl = "http://me:s3cret@h/s3cret"\nsecret_env = "S"\n')
        assert "s3cret" not in str(caught.value)

    def test_an_array_is_no_table(self, policy):
        with pytest.raises(InvalidConfig, match=r"policy.toml: reactions must be a table"):
            policy("[[reactions]]\nwebhook = 1\n")


def test_one_class_and_one_entry_point_are_enough(monkeypatch):
    point = EntryPoint("bell", f"{__name__}:Bell", "ordinis.reactions")
    monkeypatch.setattr("ordinis_mlflow.installed.entry_points", lambda group: [point])
    assert installed_reactions() == {"bell": Bell}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("gone", "Nothing", "reaction 'gone'.*cannot be loaded: AttributeError"),
        ("horn", "Bell", "reaction 'horn'.*must have the name of its entry point"),
        ("pytest", "pytest", "must be a dataclass with a method react"),
    ],
)
def test_what_is_no_reaction_is_named(monkeypatch, name, value, said):
    point = EntryPoint(name, f"{__name__}:{value}", "ordinis.reactions")
    monkeypatch.setattr("ordinis_mlflow.installed.entry_points", lambda group: [point])
    with pytest.raises(InvalidConfig, match=said):
        installed_reactions()
