"""Promotions: a version comes to a place, is refused, or is brought back."""

import hmac
import os
from dataclasses import dataclass

from ordinis_mlflow.ledger import Action
from ordinis_mlflow.promotion import Policy
from ordinis_mlflow.registry.change import Desk
from ordinis_mlflow.registry.evidence import NEWEST, proven
from ordinis_mlflow.registry.files import tracking_of
from ordinis_mlflow.registry.judgement import Judgement, digests_now, judge
from ordinis_mlflow.registry.places import Place, Registered, Standing
from ordinis_mlflow.registry.refusals import answered, conflict, invalid, missing, refused
from ordinis_mlflow.registry.turn import turn

KEY = "ORDINIS_BREAK_GLASS_KEY"
LONGEST = 2000
"""Characters of a refusal's message."""


@dataclass(frozen=True)
class Request:
    """What is asked.

    Attributes:
        name: of the model.
        version: its number.
        place: where it is to stand.
        reason: in the words of who asks.
        key: breaks the glass; empty for the usual way.
    """

    name: str
    version: int
    place: Place
    reason: str = ""
    key: str = ""

    def __str__(self) -> str:
        return f"version {self.version} of {self.name!r}"


@dataclass(frozen=True)
class Promotions:
    """Every way by which a version comes to a place.

    Attributes:
        desk: what changes are made with.
        database: its URI, which names the lock.
        tracking_uri: of the tracking store.
    """

    desk: Desk
    database: str
    tracking_uri: str

    def promote(self, request: Request, policy: Policy) -> None:
        """Judge a version, and let it stand at the place if every gate lets it through.

        Asking for what is so already changes nothing.

        Raises:
            MlflowException: 403, refused; 409, the place's holder or the version changed while it
                was judged, or another promotion is being judged; 400 or 404.
        """
        self._check_key(request, policy)
        with answered(), turn(self.database, self.desk.workspace, request.name):
            before = self._standing(request)
            if before.agrees(request.place, request.version) and self._known(request):
                return
            _check_free(request, before, policy)
            holder, version = before.holder(request.place), before.versions[request.version]
            tracking = tracking_of(self.tracking_uri)
            found = judge(request.name, version, holder, request.place, policy, tracking)
            if not found.digests or not (found.passed or request.key):
                self._refuse(request, found)
            self._enter(request, before, found, "break_glass" if request.key else "promote")

    def rollback(self, request: Request, policy: Policy) -> None:
        """Bring back a version whose evidence for the place still holds; no gate is asked again.

        Raises:
            MlflowException: 403, there is no evidence, or a file is not what was proven; 409 as
                ``promote``; 400 or 404.
        """
        if not request.reason.strip():
            raise invalid("a rollback needs a reason: say why the version comes back")
        with answered(), turn(self.database, self.desk.workspace, request.name):
            before = self._standing(request)
            if before.agrees(request.place, request.version) and self._known(request):
                return
            _check_free(request, before, policy)
            version = before.versions[request.version]
            digests = digests_now(version, tracking_of(self.tracking_uri))
            verdict = proven(self.desk, request.name, version, request.place, digests)
            found = Judgement(policy, (verdict,), digests)
            if not found.passed:
                self._refuse(request, found)
            self._enter(request, before, found, "rollback")

    def _enter(self, request: Request, before: Standing, found: Judgement, action: Action) -> None:
        name, version, place = request.name, request.version, request.place
        with self.desk.change(found.policy, name, version) as change:
            if _judged(change.before, place, version) != _judged(before, place, version):
                raise conflict(
                    f"{request} or the version that stands at {place} changed meanwhile, nothing "
                    "was done: try again"
                )
            holder = before.holder(place)
            previous = holder.version if holder and holder.version != version else None
            change.enter(place, version)
            change.record(
                action,
                version,
                place,
                previous=previous,
                verdicts=found.verdicts,
                digests=found.digests,
                reason=request.reason,
            )

    def _refuse(self, request: Request, found: Judgement) -> None:
        with self.desk.change(found.policy, request.name, request.version) as change:
            number = change.record(
                "refuse",
                request.version,
                request.place,
                verdicts=found.verdicts,
                digests=found.digests,
                reason=request.reason,
            ).number
        said = "; ".join(map(str, found.failed)) or "no gate was asked"
        message = f"{request} may not stand at {request.place} (decision {number}): {said}"
        raise refused(message[:LONGEST])

    def _standing(self, request: Request) -> Standing:
        found = self.desk.standing(request.name, request.version)
        if request.version not in found.versions:
            raise missing(
                f"Model Version (name={request.name}, version={request.version}) not found"
            )
        return found

    def _known(self, request: Request) -> bool:
        """Whether it stands there by a decision, and not from before there were gates."""
        holder = self.desk.ledger.holder_at(
            request.name, request.place.name, NEWEST, self.desk.ledger_workspace
        )
        return holder is not None and holder.entry.version == str(request.version)

    def _check_key(self, request: Request, policy: Policy) -> None:
        if not request.key:
            return
        if not request.reason.strip():
            raise invalid("breaking the glass needs a reason: it is written down for ever")
        right = os.environ.get(KEY, "")
        given = request.key.encode("utf-8", "surrogatepass")  # JSON may hold half a pair
        if right and hmac.compare_digest(right.encode("utf-8", "surrogateescape"), given):
            return
        with self.desk.change(policy, request.name, request.version) as change:
            if request.version in change.before.versions:
                reason = f"wrong break-glass key; {request.reason}"
                change.record("refuse", request.version, request.place, reason=reason)
        raise refused("the key to break the glass is wrong, or the server has none")


def _check_free(request: Request, before: Standing, policy: Policy) -> None:
    """A stage above is not left by asking for one below: that would be a demotion unsaid."""
    for held in before.held(policy, request.version):
        if held.stage == "Production" and request.place.stage == "Staging":
            raise invalid(
                f"{request} stands at {held}: archive it first, then ask for {request.place}"
            )


def _judged(
    found: Standing, place: Place, version: int
) -> tuple[Registered | None, list[Registered], list[str]]:
    """What a judgement rests on: the version, who holds the place, and the version's aliases."""
    holders = [found.versions[each] for each in sorted(found.holders(place))]
    aliases = sorted(alias for alias, holder in found.aliases.items() if holder == version)
    return found.versions.get(version), holders, aliases
