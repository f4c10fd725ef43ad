"""Promote: let the gates decide whether a model version may trade, and say what they found."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from flows.command_line import NONE, given, parse, run
from flows.gated import KEY_VARIABLE, break_glass_key, gated_registry
from ordinis_mlflow.errors import InvalidConfig, PromotionRefused


@dataclass(frozen=True)
class PromoteOptions:
    """Parameters of the entry point ``promote``.

    Attributes:
        model: name in the registry.
        version: its number; the newest by default.
        target: Production, Staging or a protected alias.
        reason: is written to the ledger.
        break_glass: promote whatever the gates say; needs a reason, and the key in the environment
            variable ORDINIS_BREAK_GLASS_KEY. Marked for ever.
    """

    model: str = "sp500"
    version: str = NONE
    target: str = "Production"
    reason: str = NONE
    break_glass: bool = False

    def __post_init__(self) -> None:
        if self.break_glass and not (given(self.reason) and break_glass_key()):
            raise InvalidConfig(
                f"break_glass needs a reason, and the key in the variable {KEY_VARIABLE}"
            )


def main(arguments: Sequence[str]) -> None:
    """The entry point ``promote``."""
    (options,) = parse(arguments, PromoteOptions)
    version = given(options.version) or newest(options.model)
    promote(options.model, version, options.target, given(options.reason) or "",
            break_glass_key() if options.break_glass else "")  # fmt: skip
    print(f"{options.model} version {version} stands at {options.target}")


def promote(model: str, version: str, target: str, reason: str = "", key: str = "") -> None:
    """Ask the gated registry.

    Raises:
        PromotionRefused: the gates, or the registry, said no; with their reasons.
    """
    try:
        gated_registry().promote(model, version, target, reason, key)
    except MlflowException as error:
        raise PromotionRefused(error.message) from error


def newest(model: str) -> str:
    """The number of the newest version.

    Raises:
        InvalidConfig: the model has none.
    """
    found = MlflowClient().search_model_versions(f"name = '{model}'")
    if not found:
        raise InvalidConfig(f"there is no registered model {model!r}: train with register={model}")
    return str(max(int(each.version) for each in found))


if __name__ == "__main__":
    run(main)
