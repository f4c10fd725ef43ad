"""Proposed sessions: a registered version is run as was found best on this kind of machine.

A proposal is a tag of the version, whose files never change. Whoever may tag a version can write
one: it says how the same graph is run, within bounds, and never which graph or what it answers.
"""

import logging
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ordinis_mlflow.errors import InvalidProposal, PackageError, ProviderUnavailable
from ordinis_mlflow.flavor.model import SignalModel
from ordinis_mlflow.flavor.package import Package
from ordinis_mlflow.graph.machine import Machine
from ordinis_mlflow.graph.proposal import Proposal

TAGS = "ordinis.serving."
"""Before the key of every tag that holds a proposal."""
SAID = 300
"""Letters of a reason in the log."""
Fate: TypeAlias = Literal["used", "none", "refused", "unanswered"]
"""What became of the proposal for a machine; unanswered: the registry could not be asked."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Opened:
    """A model whose session is as proposed, or has default settings.

    Attributes:
        model: proven on this machine, either way.
        fate: of the proposal.
    """

    model: SignalModel
    fate: Fate


def tag_of(machine: Machine, precision: str) -> str:
    """The key of the tag that a proposal is kept under."""
    return f"{TAGS}{machine.digest}.{precision}"


def propose(name: str, version: str, proposal: Proposal) -> None:
    """Tag a registered version, over what was proposed for this machine and precision before.

    Raises:
        MlflowException: the registry does not let this user.
    """
    from mlflow import MlflowClient

    key = tag_of(proposal.machine, proposal.precision)
    MlflowClient().set_model_version_tag(name, version, key, proposal.to_json())


def proposed(name: str, version: str, machine: Machine, precision: str) -> Proposal | None:
    """What a version's tags propose for a machine; None if nothing.

    Raises:
        InvalidProposal: they propose what cannot be used there.
        MlflowException: there is no such version. Registries raise others too.
    """
    from mlflow import MlflowClient

    text = MlflowClient().get_model_version(name, version).tags.get(tag_of(machine, precision))
    if text is None:
        return None
    proposal = Proposal.from_json(text)
    if (proposal.machine, proposal.precision) != (machine, precision):
        raise InvalidProposal(
            f"it is for {proposal.precision!r} on {proposal.machine}, and was kept for "
            f"{precision!r} on {machine}"
        )
    return proposal


def open_proposed(package: Package, version: tuple[str, str] | None, precision: str) -> Opened:
    """A model as proposed for this machine; with default settings where that cannot be.

    The default session comes first: it says which provider runs here, and is there when the other
    one does not prove itself.

    Args:
        package: read from a folder whose digests were checked.
        version: name and number of the registered model; None if from no registry.
        precision: of the graph.

    Raises:
        PackageError: it cannot be run with default settings.
        InvalidConfig: it has no graph of that precision.
    """
    model = SignalModel(package, precision)
    if version is None:
        return Opened(model, "none")
    try:
        proposal = proposed(*version, Machine.here(model.provider), precision)
        if proposal is None:
            return Opened(model, "none")
        return Opened(SignalModel(package, precision, proposal.settings), "used")
    except (InvalidProposal, PackageError, ProviderUnavailable) as error:
        return Opened(model, _told("refused", version, error))
    except Exception as error:  # stores raise whatever their libraries do; nothing hangs on it
        return Opened(model, _told("unanswered", version, error))


def _told(fate: Fate, version: tuple[str, str], error: Exception) -> Fate:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:SAID]
    _logger.warning(
        "%s version %s is run with default settings, its proposal was %s: %s",
        *(version[0], version[1], fate, reason),
    )
    return fate
