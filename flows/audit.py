"""Audit: is the ledger whole, is what stands what was proven, what stood when, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import mlflow
import pandas as pd
from mlflow.tracking._model_registry.utils import _get_store

from flows.command_line import NONE, given, parse, run
from ordinis_mlflow.bars import instant
from ordinis_mlflow.errors import AuditFailed, InvalidConfig
from ordinis_mlflow.flavor.proof import SCHEME
from ordinis_mlflow.ledger import Decision

if TYPE_CHECKING:
    from ordinis_mlflow.registry.audit import Audit


@dataclass(frozen=True)
class RegistryAuditOptions:
    """Parameters of the entry point ``audit``.

    Attributes:
        model: whose history is told; all models are checked.
        at: a moment: what stood at ``target`` then, and why.
        target: Production, Staging or a protected alias.
        anchor: what an earlier audit printed, kept where nobody who writes the database can.
    """

    model: str = NONE
    at: str = NONE
    target: str = "Production"
    anchor: str = NONE

    def __post_init__(self) -> None:
        if given(self.at):
            instant(self.at, "at")
            if not given(self.model):
                raise InvalidConfig("at asks what stood at a moment: name the model as well")


def main(arguments: Sequence[str]) -> None:
    """The entry point ``audit``; exit status 1 when something is not as it should be."""
    (options,) = parse(arguments, RegistryAuditOptions)
    store = registry()
    found = store.audit(given(options.anchor))
    print(told(found))
    model, at = given(options.model), given(options.at)
    if model and at:
        moment = int(instant(at, "at").value)
        print(why(store.ledger.holder_at(model, options.target, moment), model, options.target, at))
    elif model:
        for decision in reversed(store.ledger.decisions(model)):
            print(line(decision))
    if not found.clean:
        raise AuditFailed("the registry is not what its ledger says: see above")


def registry() -> Any:
    """The registry's database: an auditor reads it, and asks no server to speak for itself.

    Raises:
        InvalidConfig: MLFLOW_REGISTRY_URI names none with gates.
    """
    uri = mlflow.get_registry_uri()
    if not uri.startswith(SCHEME):
        raise InvalidConfig(
            f"an audit reads the registry's database: set MLFLOW_REGISTRY_URI to {SCHEME}..., got "
            f"{uri.partition(':')[0]}:..."
        )
    return _get_store(uri)


def told(found: "Audit") -> str:
    """What was checked."""
    lines = [
        f"ledger: {found.decisions} decisions, chain {'BROKEN' if found.broken else 'whole'}, "
        f"anchor {found.anchor}",
        *(f"  {each}" for each in found.broken),
    ]
    for each in found.held:
        state = "proven" if each.verdict.passed else "NOT PROVEN"
        lines.append(
            f"{each.model} version {each.version} at {each.place}: {state}, {each.verdict.reason}"
        )
    return "\n".join(lines)


def why(decision: Decision | None, model: str, target: str, at: str) -> str:
    """What stood there, and the decision that put it there."""
    if decision is None:
        return f"no version of {model} stood at {target} at {at}"
    entry = decision.entry
    lines = [f"{model} version {entry.version} stood at {target} at {at}:", line(decision)]
    lines += [f"    {verdict}" for verdict in entry.verdicts]
    return "\n".join(lines)


def line(decision: Decision) -> str:
    """One decision in a line."""
    entry = decision.entry
    when = pd.Timestamp(entry.at, tz="UTC").isoformat(timespec="seconds")
    before = f" after version {entry.previous}" if entry.previous else ""
    # What was done against the gates is marked for ever.
    action = entry.action.upper() if entry.action == "break_glass" else entry.action
    failed = sum(not verdict.passed for verdict in entry.verdicts)
    checks = f", {failed} of {len(entry.verdicts)} gates failed" if entry.verdicts else ""
    said = f": {entry.reason}" if entry.reason else ""
    return (
        f"  {decision.number} {when} {entry.who} {action} version {entry.version} "
        f"{entry.target}{before}{checks}{said}"
    )


if __name__ == "__main__":
    run(main)
