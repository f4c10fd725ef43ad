"""What every promotion gate must do. For one of your own, subclass and supply the fixture:

class TestMine(GateSuite):
    @pytest.fixture
    def gate(self):
        return MyGate()

It must be installed: its entry point in the group ``ordinis.gates`` is looked up.
"""

import math
from dataclasses import FrozenInstanceError, fields

import pytest
from planted import HOSTILE, candidate_of, copied

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.promotion import installed_gates
from ordinis_mlflow.promotion.decide import LONGEST, ask
from ordinis_mlflow.verdict import Verdict

_made = {}
"""All gates of a session share one candidate of each kind, as they do on a server."""


class GateSuite:
    same_figure = True
    """Whether it finds the same figure each time; False for one that looks at a clock."""

    @pytest.fixture
    def sound(self, saved_package, tracking_store):
        return _made.setdefault("sound", candidate_of(saved_package))

    @pytest.fixture
    def hostile(self, saved_package, tracking_store, tmp_path_factory):
        def call(name):
            if name not in _made:
                folder = copied(saved_package, tmp_path_factory.mktemp("hostile"))
                HOSTILE[name](folder)
                _made[name] = candidate_of(folder)
            return _made[name]

        return call

    def test_it_is_installed_under_its_name(self, gate):
        assert installed_gates()[gate.name] is type(gate)

    def test_every_limit_has_a_default_and_none_can_be_changed(self, gate):
        assert type(gate)() == type(gate)()
        with pytest.raises(FrozenInstanceError):
            gate.name = "other"

    def test_limits_that_are_no_limits_are_refused(self, gate):
        for field in fields(gate):
            for value in (math.nan, -math.inf, -2) if type(field.default) is float else (-1,):
                with pytest.raises(InvalidConfig, match=field.name):
                    type(gate)(**{field.name: value})

    def test_it_gives_a_verdict_that_people_can_read(self, gate, sound):
        verdict = gate.check(sound)
        assert_readable(verdict, gate)

    def test_asked_twice_it_decides_the_same(self, gate, sound, saved_package):
        again = candidate_of(saved_package, version="2")
        first, second = gate.check(sound), gate.check(again)
        assert first.passed == second.passed
        if self.same_figure:
            assert first == second

    @pytest.mark.parametrize("name", HOSTILE)
    def test_whatever_was_uploaded_it_answers(self, gate, hostile, name):
        """With a verdict, or an error of ours that says why."""
        verdict = ask(gate, hostile(name))
        assert_readable(verdict, gate)
        assert "broke down" not in verdict.reason  # which is what any other error becomes


def assert_readable(verdict, gate):
    assert isinstance(verdict, Verdict)
    assert verdict.name == gate.name
    assert type(verdict.passed) is bool
    assert type(verdict.observed) is type(verdict.limit) is float
    assert math.isfinite(verdict.observed)
    assert math.isfinite(verdict.limit)
    assert 20 < len(verdict.reason) <= LONGEST
    assert verdict.reason.isprintable()
