"""Command lines of flows: how parameters are read, and what continues an earlier run."""

import dataclasses
from typing import Any

from ordinis_mlflow.command_line import NONE, given, parse, run
from ordinis_mlflow.errors import InvalidConfig

__all__ = ["NONE", "agree", "given", "parse", "run"]


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
