"""Command lines from dataclasses."""

import re
import sys
from dataclasses import dataclass

import pytest

from flows.command_line import agree, given, parse, run
from flows.options import TrainOptions
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.network import LSTMConfig


@dataclass(frozen=True)
class One:
    name: str = "none"
    count: int = 3
    share: float = 0.5
    really: bool = True


@dataclass(frozen=True)
class Described(One):
    """A summary.

    Attributes:
        share: at most 100 % of what
            there is.
        added: not in the other.

    Raises:
        InvalidConfig: never.
    """

    added: int = 4


@dataclass(frozen=True)
class Two:
    other: int = 1

    def __post_init__(self):
        if self.other < 0:
            raise InvalidConfig("other must not be negative")


def test_defaults():
    assert parse([], One, Two) == (One(), Two())


def test_types():
    arguments = ["--name", "a", "--count", "7", "--share", "1e-3", "--really", "false"]
    one, two = parse([*arguments, "--other", "2"], One, Two)
    assert one == One("a", 7, 1e-3, False)
    assert two == Two(2)
    assert [type(v) for v in (one.name, one.count, one.share, one.really)] == [
        str,
        int,
        float,
        bool,
    ]


def test_help_says_what_the_docstring_says(capsys):
    with pytest.raises(SystemExit):
        parse(["--help"], Described, Two)
    said = " ".join(capsys.readouterr().out.split())
    assert "--share SHARE at most 100 % of what there is. (default: 0.5)" in said
    assert "--added ADDED not in the other. (default: 4)" in said
    assert "never" not in said


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("True", True), ("FALSE", False), ("false", False)]
)
def test_truth(text, value):
    assert parse(["--really", text], One)[0].really is value


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonsense", "1"],
        ["--coun", "1"],  # no abbreviations: a misspelt name is not another one
        ["stray"],
        ["--count"],
        ["--count", "1.5"],
        ["--count", "1e3"],
        ["--count", "abc"],
        ["--count", ""],
        ["--share", "abc"],
        ["--really", "yes"],
        ["--really", "1"],
        ["--really", ""],
        ["--really"],
    ],
)
def test_refused(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        parse(arguments, One, Two)
    assert left.value.code == 2
    errors = capsys.readouterr().err
    assert "usage:" in errors
    assert re.search(r"error: .*" + re.escape(arguments[0]), errors)


def test_the_dataclass_refuses():
    with pytest.raises(InvalidConfig, match="negative"):
        parse(["--other", "-1"], One, Two)


def test_real_options_round_trip():
    arguments = ["--bars", "nasdaq", "--learning_rate", "1e-4", "--mixed_precision", "false"]
    options, config = parse(arguments, TrainOptions, LSTMConfig)
    assert options == TrainOptions(bars="nasdaq")
    assert config == LSTMConfig(learning_rate=1e-4, mixed_precision=False)


def test_given():
    assert given("none") is None
    assert given("x") == "x"


def test_agree():
    agree(One(), One("a", 5, 0.1, False), "r")  # defaults count as not asked for
    agree(One(count=5), One(count=5), "r")
    with pytest.raises(InvalidConfig, match=r"count = 4 contradicts run r, which used 5"):
        agree(One(count=4), One(count=5), "r")


@pytest.mark.parametrize("error", [InvalidConfig("wrong"), FileNotFoundError("there is no file")])
def test_run_says_one_line(error, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["flow", "--a", "b"])
    seen = []

    def flow(arguments):
        seen.append(arguments)
        raise error

    with pytest.raises(SystemExit) as left:
        run(flow)
    assert left.value.code == f"error: {error}"  # a text: printed, with status 1
    assert seen == [["--a", "b"]]


def test_run_hides_no_defect(monkeypatch):
    def flow(arguments):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(flow)
