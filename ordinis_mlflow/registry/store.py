"""The gated registry: MLflow's own stores, whose promotions the server decides.

Everything that a client can ask of a registry passes these methods: REST, the UI's ajax paths, jobs
and processes that use the database's URI themselves. What is neither a promotion nor a protected
name is MLflow's own, without a query more.
"""

from typing import TYPE_CHECKING, Any

import mlflow
from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.entities.model_registry.model_version_stages import (
    DEFAULT_STAGES_FOR_GET_LATEST_VERSIONS,
    STAGE_ARCHIVED,
    get_canonical_stage,
)
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore
from mlflow.store.model_registry.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore
from mlflow.utils.validation import (
    _validate_model_alias_name,
    _validate_model_alias_name_reserved,
    _validate_model_name,
)

from ordinis_mlflow.ledger import Ledger, Outbox
from ordinis_mlflow.reactions import Deliverer
from ordinis_mlflow.registry.audit import Audit, audit
from ordinis_mlflow.registry.change import Desk
from ordinis_mlflow.registry.departures import Departures
from ordinis_mlflow.registry.files import tracking_of
from ordinis_mlflow.registry.names import (
    allowed_tags,
    check_tag,
    folded,
    place_of,
    version_number,
)
from ordinis_mlflow.registry.places import Place, place_named
from ordinis_mlflow.registry.policies import Policies
from ordinis_mlflow.registry.promotions import Promotions, Request
from ordinis_mlflow.registry.refusals import invalid
from ordinis_mlflow.registry.sessions import Sessions

if TYPE_CHECKING:
    Base = SqlAlchemyStore
else:
    Base = object


class GatedMixin(Base):
    """Gates over one of MLflow's SQLAlchemy stores.

    What it promises: at every moment a protected stage and its alias name the same version, and no
    more than one; every change of that is one row of the ledger, written with it or not at all; no
    request ends with a status that MLflow's client retries.

    Safe to use from several threads and processes.

    Args:
        db_uri: SQLAlchemy URL of the registry's database.
        read_db_uri: of a replica to read from.
        tracking_uri: of the tracking store; MLflow's setting by default.

    Raises:
        MlflowException: the policy or the database cannot be used.
    """

    def __init__(
        self, db_uri: str, read_db_uri: str | None = None, tracking_uri: str | None = None
    ) -> None:
        super().__init__(db_uri, read_db_uri=read_db_uri)
        sessions = Sessions(self.ManagedSessionMaker)
        self.ManagedSessionMaker = sessions
        self.ledger = Ledger(self.engine)
        outbox = Outbox(self.engine)
        self._policies = Policies()
        self.deliverer = Deliverer(outbox, self.ledger, self._policies.reactions)
        self._desk = Desk(super(), sessions, self.ledger, outbox, self.deliverer)
        self._promotions = Promotions(self._desk, db_uri, tracking_uri or mlflow.get_tracking_uri())
        self._departures = Departures(self._desk)
        self._policies.current()  # a server with a policy that cannot be read does not start

    def transition_model_version_stage(
        self, name: str, version: Any, stage: str, archive_existing_versions: bool
    ) -> ModelVersion:
        """To Staging or Production through the gates; elsewhere freely, leaving the alias behind.

        Whoever stood in Staging or Production before is archived, asked for or not.
        """
        stage, number = get_canonical_stage(stage), version_number(name, version)
        if stage in DEFAULT_STAGES_FOR_GET_LATEST_VERSIONS:
            self._promote(name, number, stage)
        elif archive_existing_versions:
            raise invalid(
                f"archive_existing_versions does not go with stage {stage}: only a version that "
                f"comes to {' or '.join(DEFAULT_STAGES_FOR_GET_LATEST_VERSIONS)} archives others"
            )
        else:
            self._departures.move(self._policies.current(), name, number, stage)
        return self.get_model_version(name, number)

    def set_registered_model_alias(self, name: str, alias: str, version: Any) -> None:
        """A protected alias through the gates, and its stage with it."""
        _validate_model_alias_name(alias)
        _validate_model_alias_name_reserved(alias)
        number = version_number(name, version)
        place = place_of(self._policies.current(), alias)
        if place is None:
            super().set_registered_model_alias(name, alias, number)
        else:
            self._promote(name, number, place)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Of a protected alias: its version is archived."""
        _validate_model_name(name)
        _validate_model_alias_name(alias)
        policy = self._policies.current()
        place = policy.aliases.get(folded(alias))
        if place is None or alias != folded(alias):
            super().delete_registered_model_alias(name, alias)
        else:
            self._departures.leave(policy, name, place_named(policy, place), STAGE_ARCHIVED)

    def delete_model_version(self, name: str, version: Any) -> None:
        """Only of a version that stands nowhere."""
        self._departures.delete_version(
            self._policies.current(), name, version_number(name, version)
        )

    def delete_registered_model(self, name: str) -> None:
        """Only of a model of which no version stands anywhere."""
        self._departures.delete_model(self._policies.current(), name)

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Only of a model of which no version stands anywhere: evidence stays with the old name."""
        return self._departures.rename_model(self._policies.current(), name, new_name)

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> ModelVersion:
        """Of a copy, tags that mirror decisions about the original are left out."""
        return super().create_model_version(
            name, source, run_id, allowed_tags(source, tags), *args, **kwargs
        )

    def create_registered_model(
        self, name: str, tags: Any = None, *args: Any, **kwargs: Any
    ) -> RegisteredModel:
        """Without tags that only decisions may write."""
        for tag in tags or []:
            check_tag(tag.key)
        return super().create_registered_model(name, tags, *args, **kwargs)

    def set_registered_model_tag(self, name: str, tag: Any) -> None:
        """Not one that only decisions may write."""
        check_tag(tag.key)
        super().set_registered_model_tag(name, tag)

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Not one that only decisions may write."""
        check_tag(key)
        super().delete_registered_model_tag(name, key)

    def set_model_version_tag(self, name: str, version: Any, tag: Any) -> None:
        """Not one that only decisions may write."""
        check_tag(tag.key)
        super().set_model_version_tag(name, version, tag)

    def delete_model_version_tag(self, name: str, version: Any, key: str) -> None:
        """Not one that only decisions may write."""
        check_tag(key)
        super().delete_model_version_tag(name, version, key)

    def promote(
        self, name: str, version: Any, target: str, reason: str = "", key: str = ""
    ) -> ModelVersion:
        """Promote with a reason; with the key of ORDINIS_BREAK_GLASS_KEY, whatever the gates say.

        Args:
            name: of the model.
            version: its number.
            target: a stage or a protected alias, with or without ``@``.
            reason: is written to the ledger; a key needs one.
            key: breaks the glass: the gates run and are written, and do not stop it.

        Raises:
            MlflowException: 403, refused or the wrong key; 409, changed meanwhile; 400 or 404.
        """
        number = version_number(name, version)
        self._promote(name, number, self._place(target).name, reason, key)
        return self.get_model_version(name, number)

    def rollback(
        self, name: str, version: Any, reason: str, target: str = "Production"
    ) -> ModelVersion:
        """Bring back a version that stood at the target before, if its files are what they were.

        Args:
            name: of the model.
            version: its number.
            reason: is written to the ledger.
            target: a stage or a protected alias, with or without ``@``.

        Raises:
            MlflowException: 403, its evidence does not hold; 409, changed meanwhile; 400 or 404.
        """
        policy, number = self._policies.current(), version_number(name, version)
        request = Request(name, number, self._place(target), reason)
        self._promotions.rollback(request, policy)
        return self.get_model_version(name, number)

    def audit(self, anchor: str | None = None) -> Audit:
        """Check the ledger's chain, and the files of every version that stands somewhere.

        Args:
            anchor: of an earlier audit, kept where nobody who writes the database can.
        """
        tracking = tracking_of(self._promotions.tracking_uri)
        return audit(self._desk, self._policies.current(), tracking, anchor)

    def _promote(
        self, name: str, version: int, place: str, reason: str = "", key: str = ""
    ) -> None:
        policy = self._policies.current()
        request = Request(name, version, place_named(policy, place), reason, key)
        self._promotions.promote(request, policy)

    def _place(self, target: str) -> Place:
        policy = self._policies.current()
        name = policy.place(target) or policy.place(f"@{target}")
        if name is None:
            raise invalid(f"target {target!r} is neither a protected stage nor a protected alias")
        return place_named(policy, name)


class GatedStore(GatedMixin, SqlAlchemyStore):
    """MLflow's store, gated."""


class GatedWorkspaceStore(GatedMixin, WorkspaceAwareSqlAlchemyStore):
    """MLflow's store of several workspaces, gated in each of them."""
