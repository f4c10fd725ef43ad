"""What every reaction must do. For one of your own, subclass and supply the fixtures:

class TestMine(ReactionSuite):
    @pytest.fixture
    def reaction(self):
        return MyReaction(...)  # which can be done in the test

    def effects(self, reaction):
        return ...  # a list: what it has brought about, told twice counted once
"""

from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from importlib.metadata import entry_points

import pytest
from receiver import ENTRY

from ordinis_mlflow.ledger import ACTIONS
from ordinis_mlflow.ledger.chain import decide
from ordinis_mlflow.reactions import read_reactions
from ordinis_mlflow.reactions.configured import OWN
from ordinis_mlflow.reactions.reaction import GROUP, actions_of

HOSTILE = (
    '"\n}, {',
    "../../../etc/passwd",
    "ünïcödé \u2028 🜁",
    "<script>",
    "%s {0} $(id)",
    "x" * 256,
)


def decision_of(number=1, **changes):
    return decide(replace(ENTRY, **changes), number, "0" * 64)


def key_of(decision, name="suite"):
    return f"{name}:{decision.hash}"


class ReactionSuite:
    secrets = ()
    """Texts that no ``repr`` may show."""

    def react(self, reaction, decision):
        reaction.react(decision, key_of(decision))

    def test_it_is_a_frozen_dataclass_that_a_policy_can_write(self, reaction):
        assert is_dataclass(reaction)
        with pytest.raises(FrozenInstanceError):
            reaction.name = "other"
        assert not {field.name for field in fields(reaction)} & set(OWN)
        said = {field.name: getattr(reaction, field.name) for field in fields(reaction)}
        table = {"mine": {"kind": reaction.name, **said}}
        (read,) = read_reactions(table, {reaction.name: type(reaction)})
        assert read.reaction == reaction

    def test_it_follows_actions_that_there_are(self, reaction):
        assert actions_of(type(reaction))
        assert set(actions_of(type(reaction))) <= set(ACTIONS)

    def test_it_shows_no_secret(self, reaction):
        assert not any(secret in repr(reaction) for secret in self.secrets)

    def test_done_once_it_has_one_effect(self, reaction):
        assert self.react(reaction, decision_of()) is None
        assert len(self.effects(reaction)) == 1

    def test_done_twice_is_done_once(self, reaction):
        """By another instance too: its process was killed before it could note that it is done."""
        for each in (reaction, reaction, replace(reaction)):
            self.react(each, decision_of())
        assert len(self.effects(reaction)) == 1

    def test_two_decisions_have_two_effects(self, reaction):
        for number in (1, 2):
            self.react(reaction, decision_of(number))
        assert len(self.effects(reaction)) == 2

    def test_every_action_that_it_follows_can_be_done(self, reaction):
        for number, action in enumerate(actions_of(type(reaction)), 1):
            self.react(reaction, decision_of(number, action=action))
        assert len(self.effects(reaction)) == len(actions_of(type(reaction)))

    @pytest.mark.parametrize("text", HOSTILE)
    def test_whatever_a_client_wrote_it_is_done(self, reaction, text):
        self.react(reaction, decision_of(who=text, model=text, version=text, reason=text))
        assert len(self.effects(reaction)) == 1


def assert_installed(kind):
    """It has one entry point, of its name."""
    points = [point.load() for point in entry_points(group=GROUP) if point.name == kind.name]
    assert points == [kind]
