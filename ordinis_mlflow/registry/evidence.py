"""Evidence: whether a version was proven for a place, and is still what was proven."""

from collections.abc import Iterator, Mapping

from ordinis_mlflow.ledger import Decision
from ordinis_mlflow.ledger.records import TAKES
from ordinis_mlflow.registry.change import Desk
from ordinis_mlflow.registry.places import Place, Registered
from ordinis_mlflow.verdict import Verdict

NEWEST = 2**63 - 1
"""A moment after every decision, whatever the clocks of other servers say."""


def proven(
    desk: Desk, name: str, version: Registered, place: Place, digests: Mapping[str, str]
) -> Verdict:
    """Whether a decision let this very version stand at this place, with these very files.

    A decision about another version of the same number does not count: one from before the version
    was registered, or from before the model of this name was deleted or renamed.

    Args:
        desk: whose ledger is asked.
        name: of the model.
        version: as it is registered now.
        place: where it stood.
        digests: of its files now.
    """
    found = list(_decisions(desk, name, version, place))
    if not found:
        reason = f"no decision let version {version.version} stand at {place}: promote it"
        return Verdict("evidence", False, 0.0, 1.0, reason)
    changed = min(_differing(each.entry.digests, digests) for each in found)
    if changed:
        reason = "its files are not those that were proven: promote it anew"
        return Verdict("evidence", False, float(changed), 0.0, reason)
    number = found[-1].number
    return Verdict("evidence", True, 0.0, 0.0, f"its files are those of decision {number}")


def _differing(then: Mapping[str, str], now: Mapping[str, str]) -> int:
    return sum(then.get(path) != now.get(path) for path in then.keys() | now.keys())


def _decisions(desk: Desk, name: str, version: Registered, place: Place) -> Iterator[Decision]:
    """Oldest first."""
    rows = desk.ledger.decisions(name, desk.ledger_workspace)
    begun = max((each.number for each in rows if not each.entry.version), default=0)
    for each in reversed(rows):
        entry = each.entry
        if (
            each.number > begun
            and entry.version == str(version.version)
            and entry.target == place.name
            and entry.action in TAKES
            and entry.at >= version.created_ms * 1_000_000
        ):
            yield each
