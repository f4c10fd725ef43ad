"""Command lines from dataclasses: the fields are the parameters, their types are enforced.

MLflow checks neither floats nor unknown names; here both are refused before anything is done. A
field that is a dataclass itself gives its own fields. ``none`` leaves out what may be left out.
``--help`` says of each what the docstring says under ``Attributes:``.
"""

import argparse
import dataclasses
import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ordinis_mlflow.errors import OrdinisError

NONE = "none"
"""How a text parameter is left out: MLflow cannot pass an empty one without quotes."""


def parse(arguments: Sequence[str], *kinds: type) -> tuple[Any, ...]:
    """One value of each dataclass, from ``--field value`` pairs.

    Raises:
        SystemExit: an unknown name or a value of the wrong type, with usage on standard error.
        InvalidConfig: the dataclass refuses a value.
    """
    parser = argparse.ArgumentParser(
        allow_abbrev=False, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    said = descriptions(*kinds)
    for field in parameters(*kinds):
        parser.add_argument(
            f"--{field.name}",
            type=_reader(field.type),
            default=field.default,
            help=said.get(field.name, "").replace("%", "%%"),
        )
    values = vars(parser.parse_args(arguments))
    return tuple(_value(kind, values) for kind in kinds)


def parameters(*kinds: type) -> Iterator["dataclasses.Field[Any]"]:
    """The fields that are parameters: those of a dataclass in a dataclass instead of itself."""
    for kind in kinds:
        for field in dataclasses.fields(kind):
            if dataclasses.is_dataclass(field.type):
                yield from parameters(typing.cast(type, field.type))
            else:
                yield field


def descriptions(*kinds: type) -> dict[str, str]:
    """What the docstrings of dataclasses, and of those that they extend or hold, say of fields."""
    found: dict[str, str] = {}
    for kind in kinds:
        for parent in reversed(kind.__mro__):
            found |= _attributes(inspect.cleandoc(parent.__doc__ or ""))
        held = (typing.cast(type, field.type) for field in dataclasses.fields(kind))
        found |= descriptions(*(each for each in held if dataclasses.is_dataclass(each)))
    return found


def _attributes(docstring: str) -> dict[str, str]:
    """The section ``Attributes:``: a name and a text, which may go on below, further in."""
    section = docstring.partition("Attributes:\n")[2].partition("\n\n")[0]
    entries = re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def run(command: Callable[[Sequence[str]], None]) -> None:
    """Run a command with this process's arguments; a refusal is one line and exit status 1."""
    try:
        command(sys.argv[1:])
    except _refusals() as error:
        sys.exit(f"error: {error}")


def _refusals() -> tuple[type[Exception], ...]:
    """MLflow's among them if it is there: its import takes a second, and not all commands need it.

    (It is looked for when something was raised.)
    """
    theirs = sys.modules.get("mlflow.exceptions")
    return (OrdinisError, FileNotFoundError, *([theirs.MlflowException] if theirs else ()))


def given(text: str) -> str | None:
    """The text, or None where it was left out."""
    return None if text == NONE else text


def _value(kind: Any, values: dict[str, Any]) -> Any:
    parts = {
        field.name: _value(field.type, values)
        if dataclasses.is_dataclass(field.type)
        else values[field.name]
        for field in dataclasses.fields(kind)
    }
    return kind(**parts)


def _reader(kind: Any) -> Callable[[str], Any]:
    if kind is bool:
        return _truth
    if type(None) not in typing.get_args(kind):
        reader: Callable[[str], Any] = kind
        return reader
    (plain,) = (each for each in typing.get_args(kind) if each is not type(None))
    of_plain = _reader(plain)

    def read(text: str) -> Any:
        return None if text == NONE else of_plain(text)

    read.__name__ = plain.__name__  # argparse names it where a value is refused
    return read


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"must be true or false, got {text!r}")
    return text.lower() == "true"
