"""Gates are found by entry points; one that cannot be used is named, and never passed over."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import ClassVar

import pytest

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.promotion import gate, installed_gates


@dataclass(frozen=True)
class Mine:
    name: ClassVar[str] = "mine"

    def check(self, candidate):
        raise NotImplementedError


class NoDataclass:
    name = "plain"

    def check(self, candidate):
        raise NotImplementedError


@dataclass(frozen=True)
class NoCheck:
    name: ClassVar[str] = "idle"


@pytest.fixture
def installed(monkeypatch):
    def call(*pairs):
        points = [EntryPoint(name, f"{__name__}:{value}", gate.GROUP) for name, value in pairs]
        monkeypatch.setattr("ordinis_mlflow.installed.entry_points", lambda group: points)
        return installed_gates()

    return call


def test_one_class_and_one_entry_point_are_enough(installed):
    assert installed(("mine", "Mine")) == {"mine": Mine}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("gone", "Nothing", "'gone'.*cannot be loaded: AttributeError"),
        ("other", "Mine", "'other'.*must have the name of its entry point, got 'mine'"),
        ("plain", "NoDataclass", "'plain'.*must be a dataclass"),
        ("idle", "NoCheck", "'idle'.*must be a dataclass with a method check"),
        ("module", "pytest", "'module'.*must be a dataclass"),
    ],
)
def test_what_is_no_gate_is_named(installed, name, value, said):
    with pytest.raises(InvalidConfig, match=said):
        installed((name, value))


def test_a_module_that_breaks_is_named(monkeypatch):
    points = [EntryPoint("broken", "no_such_module_of_gates:Gate", gate.GROUP)]
    monkeypatch.setattr("ordinis_mlflow.installed.entry_points", lambda group: points)
    with pytest.raises(InvalidConfig, match=r"'broken'.*ModuleNotFoundError.*uninstall"):
        installed_gates()


def test_one_name_twice_is_refused(installed):
    with pytest.raises(InvalidConfig, match="'mine' is installed twice"):
        installed(("mine", "Mine"), ("mine", "NoCheck"))
