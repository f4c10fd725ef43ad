"""Rollback: bring back a version that was proven before, if its files are what they were."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlflow.exceptions import MlflowException

from flows.command_line import NONE, given, parse, run
from flows.gated import gated_registry
from ordinis_mlflow.errors import InvalidConfig, PromotionRefused


@dataclass(frozen=True)
class RollbackOptions:
    """Parameters of the entry point ``rollback``.

    Attributes:
        model: name in the registry.
        version: the one that comes back.
        reason: is written to the ledger.
        target: Production, Staging or a protected alias.
    """

    model: str = "sp500"
    version: str = NONE
    reason: str = NONE
    target: str = "Production"

    def __post_init__(self) -> None:
        if not (given(self.version) and given(self.reason)):
            raise InvalidConfig("rollback needs a version and a reason, for the ledger")


def main(arguments: Sequence[str]) -> None:
    """The entry point ``rollback``."""
    (options,) = parse(arguments, RollbackOptions)
    try:
        gated_registry().rollback(options.model, options.version, options.reason, options.target)
    except MlflowException as error:
        raise PromotionRefused(error.message) from error
    print(f"{options.model} version {options.version} is back at {options.target}")


if __name__ == "__main__":
    run(main)
