"""Change: stages, aliases, ledger, outbox and mirrored tags of one model, in one transaction."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mlflow.entities.model_registry.model_version_stages import STAGE_ARCHIVED
from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME
from sqlalchemy.orm import Session

from ordinis_mlflow.ledger import Action, Decision, Entry, Ledger, Outbox
from ordinis_mlflow.promotion import Policy
from ordinis_mlflow.reactions import Deliverer
from ordinis_mlflow.registry.caller import who
from ordinis_mlflow.registry.mirror import mirror
from ordinis_mlflow.registry.names import folded
from ordinis_mlflow.registry.places import Place, Standing, standing
from ordinis_mlflow.registry.sessions import Sessions
from ordinis_mlflow.verdict import Verdict


@dataclass(frozen=True)
class Desk:
    """What a change is made with.

    Attributes:
        plain: MLflow's own registry methods, without gates.
        sessions: which join a transaction.
        ledger: of decisions.
        outbox: of reactions to them.
        deliverer: of those reactions.
    """

    plain: Any
    sessions: Sessions
    ledger: Ledger
    outbox: Outbox
    deliverer: Deliverer

    @property
    def workspace(self) -> str:
        """MLflow's name of the active workspace."""
        return str(self.plain._get_active_workspace())

    @property
    def ledger_workspace(self) -> str:
        """The ledger's: empty for the default one, with and without MLflow's workspaces."""
        active = self.workspace
        return "" if active == DEFAULT_WORKSPACE_NAME else active

    def standing(self, name: str, version: int | None) -> Standing:
        """Who stands where, read by itself; from the primary database, where it is decided."""
        with self.sessions(read_only=False) as session:
            return standing(session, self.workspace, name, version)

    @contextmanager
    def change(self, policy: Policy, name: str, version: int | None) -> Iterator["Change"]:
        """Begin a transaction on a model, alone.

        Raises:
            MlflowException: 400, 403, 404 or 409; then nothing has happened.
        """
        workspace = self.workspace
        with self.sessions.transaction(workspace, name) as session:
            now = standing(session, workspace, name, version)
            yield Change(self, session, policy, name, now)
        if policy.reactions:
            self.deliverer.after_commit()


@dataclass(frozen=True)
class Change:
    """An open transaction.

    Attributes:
        desk: what it is made with.
        session: of the database.
        policy: that says which places are protected.
        name: of the model.
        before: who stood where when it began.
    """

    desk: Desk
    session: Session
    policy: Policy
    name: str
    before: Standing

    def enter(self, place: Place, version: int) -> None:
        """Let a version, and no other, stand at a place; it leaves the stage where it stood."""
        if place.stage:
            for other in self.before.holders(place) - {version}:
                self.vacate(other, STAGE_ARCHIVED)
            self.vacate(version, place.stage)
        if place.alias:
            self._drop_alias(place, None)
            self.desk.plain.set_registered_model_alias(self.name, place.alias, version)

    def vacate(self, version: int, stage: str) -> list[Place]:
        """Move a version to a stage, without the aliases of those where it stood."""
        left = [held for held in self.before.held(self.policy, version) if held.stage]
        for held in left:
            self._drop_alias(held, version)
        self.desk.plain.transition_model_version_stage(self.name, version, stage, False)
        return left

    def drop(self, place: Place, version: int) -> None:
        """Take the alias of a place that is an alias by itself."""
        self._drop_alias(place, version)

    def record(
        self,
        action: Action,
        version: int | None,
        place: Place | None = None,
        *,
        previous: int | None = None,
        renamed: str = "",
        verdicts: tuple[Verdict, ...] = (),
        digests: Mapping[str, str] | None = None,
        reason: str = "",
    ) -> Decision:
        """Write a decision, what is to follow from it, and its mirror."""
        entry = Entry(
            at=time.time_ns(),
            who=who(),
            action=action,
            model=self.name,
            workspace=self.desk.ledger_workspace,
            version="" if version is None else str(version),
            target=place.name if place else renamed,
            previous="" if previous is None else str(previous),
            verdicts=verdicts,
            digests=digests or {},
            policy=self.policy.digest,
            reason=reason,
        )
        connection = self.session.connection()
        decision = self.desk.ledger.append(connection, entry)
        self.desk.outbox.enqueue(connection, decision, self.policy.reactions_to(entry))
        if version is not None:
            mirror(self.session, self.desk.workspace, decision)
        return decision

    def _drop_alias(self, place: Place, version: int | None) -> None:
        """Of one version or of all; also those that differ in case, from before our time."""
        for alias, holder in self.before.aliases.items():
            if folded(alias) == place.alias and version in (None, holder):
                self.desk.plain.delete_registered_model_alias(self.name, alias)
