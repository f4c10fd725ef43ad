"""Command lines from dataclasses: the fields are the parameters, their types are enforced.

MLflow checks neither floats nor unknown names; here both are refused before anything is done.
"""

import argparse
import dataclasses
import sys
from collections.abc import Callable, Sequence
from typing import Any

from mlflow.exceptions import MlflowException

from ordinis_mlflow.errors import InvalidConfig, OrdinisError

NONE = "none"
"""How a text parameter is left out: MLflow cannot pass an empty one without quotes."""


def parse(arguments: Sequence[str], *kinds: type) -> tuple[Any, ...]:
    """One value of each dataclass, from ``--field value`` pairs.

    Raises:
        SystemExit: an unknown name or a value of the wrong type, with usage on standard error.
        InvalidConfig: the dataclass refuses a value.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for kind in kinds:
        for field in dataclasses.fields(kind):
            kind_of_value = _truth if field.type is bool else field.type
            parser.add_argument(f"--{field.name}", type=kind_of_value, default=field.default)
    values = vars(parser.parse_args(arguments))
    return tuple(
        kind(**{field.name: values[field.name] for field in dataclasses.fields(kind)})
        for kind in kinds
    )


def run(flow: Callable[[Sequence[str]], None]) -> None:
    """Run a flow with this process's arguments; a refusal is one line and exit status 1."""
    try:
        flow(sys.argv[1:])
    except (OrdinisError, MlflowException, FileNotFoundError) as error:
        sys.exit(f"error: {error}")


def given(text: str) -> str | None:
    """The text, or None where it was left out."""
    return None if text == NONE else text


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"must be true or false, got {text!r}")
    return text.lower() == "true"


def agree(asked: Any, recorded: Any, run_id: str) -> None:
    """Refuse a parameter that contradicts the run that is continued.

    A value that equals its default counts as not asked for: ``mlflow run`` passes defaults too.

    Raises:
        InvalidConfig: names the parameter and both values.
    """
    for field in dataclasses.fields(asked):
        wanted, had = getattr(asked, field.name), getattr(recorded, field.name)
        if wanted != field.default and wanted != had:
            raise InvalidConfig(
                f"{field.name} = {wanted!r} contradicts run {run_id}, which used {had!r}: "
                "leave it out to continue that run, or start a new one"
            )
