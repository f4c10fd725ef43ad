"""Audit: whether the ledger is whole, and whether what stands is what was proven."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlflow.utils import get_results_from_paginated_fn

from ordinis_mlflow.errors import OrdinisError
from ordinis_mlflow.ledger import Broken
from ordinis_mlflow.registry.change import Desk
from ordinis_mlflow.registry.evidence import NEWEST, proven
from ordinis_mlflow.registry.judgement import digests_now
from ordinis_mlflow.registry.places import Place, Registered, places
from ordinis_mlflow.verdict import Verdict

PAGE = 1000


@dataclass(frozen=True)
class Held:
    """A version that stands somewhere, and whether it may.

    Attributes:
        model: name of the registered model.
        version: its number.
        place: where.
        verdict: whether a decision let these very files stand there.
    """

    model: str
    version: int
    place: str
    verdict: Verdict


@dataclass(frozen=True)
class Audit:
    """What was found.

    Attributes:
        decisions: in the ledger.
        broken: places where the chain does not fit.
        held: everything that stands somewhere.
        anchor: to keep elsewhere, and to check the next audit with.
    """

    decisions: int
    broken: tuple[Broken, ...]
    held: tuple[Held, ...]
    anchor: str

    @property
    def clean(self) -> bool:
        """Whether chain and files are what they should be."""
        return not self.broken and all(each.verdict.passed for each in self.held)


def audit(desk: Desk, policy: Any, tracking_uri: str, anchor: str | None = None) -> Audit:
    """Check the chain, and the files of every version that stands somewhere.

    Args:
        desk: of the registry.
        policy: that says which places there are.
        tracking_uri: of the server that artifacts are fetched through, where they are.
        anchor: of an earlier audit, kept where nobody who writes the database can.
    """
    return Audit(
        decisions=len(desk.ledger.decisions(workspace=None)),
        broken=tuple(desk.ledger.verify(anchor)),
        held=tuple(_held(desk, policy, tracking_uri)),
        anchor=desk.ledger.anchor(),
    )


def _held(desk: Desk, policy: Any, tracking_uri: str) -> Iterator[Held]:
    for model in _models(desk):
        now = desk.standing(model, None)
        for place in places(policy):
            holders = now.holders(place)
            said = _by_the_ledger(desk, model, place)
            for version in sorted(holders):
                found = _checked(desk, model, now.versions[version], place, tracking_uri)
                if found.passed and version != said:
                    found = _moved(f"by the ledger, {said or 'no version'} stands there")
                yield Held(model, version, place.name, found)
            if said and not holders:
                yield Held(model, said, place.name, _moved("it stands there by the ledger alone"))


def _by_the_ledger(desk: Desk, model: str, place: Place) -> int | None:
    holder = desk.ledger.holder_at(model, place.name, NEWEST, desk.ledger_workspace)
    return int(holder.entry.version) if holder else None


def _moved(how: str) -> Verdict:
    """Somebody changed the registry past its gates."""
    return Verdict("evidence", False, 0.0, 1.0, f"{how}: it was moved past the gates")


def _checked(
    desk: Desk, model: str, version: Registered, place: Place, tracking_uri: str
) -> Verdict:
    try:
        digests = digests_now(version, tracking_uri)
    except OrdinisError as error:
        return Verdict("evidence", False, 0.0, 1.0, str(error))
    return proven(desk, model, version, place, digests)


def _models(desk: Desk) -> Iterator[str]:
    found = get_results_from_paginated_fn(
        lambda count, token: desk.plain.search_registered_models(
            max_results=count, page_token=token
        ),
        PAGE,
    )
    yield from (each.name for each in found)
