"""Places: where a version can stand that the policy protects, and who stands there now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from mlflow.entities.model_registry.model_version_stages import STAGE_DELETED_INTERNAL
from mlflow.store.model_registry.dbmodels.models import SqlModelVersion, SqlRegisteredModelAlias
from sqlalchemy.orm import Query, Session

from ordinis_mlflow.promotion import Policy
from ordinis_mlflow.promotion.policy import STAGES
from ordinis_mlflow.registry.names import folded


@dataclass(frozen=True)
class Place:
    """A stage and its alias, which are one fact, or an alias by itself.

    Attributes:
        name: as the policy calls it, for example ``Production`` or ``@canary``.
        stage: None for an alias by itself.
        alias: None for a stage without one.
    """

    name: str
    stage: str | None
    alias: str | None

    def __str__(self) -> str:
        both = self.stage and self.alias
        return f"{self.stage} (alias {self.alias})" if both else self.name


def place_named(policy: Policy, name: str) -> Place:
    """A place of the policy, by the name that ``policy.place`` gives."""
    stage = None if name.startswith("@") else name
    return Place(name, stage, policy.alias_of(name))


def places(policy: Policy) -> tuple[Place, ...]:
    """Every place, the stages first."""
    names = dict.fromkeys((*STAGES, *policy.aliases.values()))
    return tuple(place_named(policy, name) for name in names)


@dataclass(frozen=True)
class Registered:
    """What the registry says of a version that no later version of the same number shares.

    Attributes:
        version: its number.
        created_ms: when it was registered, UTC milliseconds.
        location: where its files are loaded from.
        run_id: of the run that logged it.
        stage: where it stands.
    """

    version: int
    created_ms: int
    location: str
    run_id: str | None
    stage: str


@dataclass(frozen=True)
class Standing:
    """Of one model: the versions of interest and every alias.

    Attributes:
        versions: those that stand somewhere, and those that were asked for.
        aliases: alias to version.
    """

    versions: Mapping[int, Registered]
    aliases: Mapping[str, int]

    def holders(self, place: Place) -> set[int]:
        """Who stands there by stage or by alias; several only from before there were gates."""
        staged = {v for v, r in self.versions.items() if place.stage and r.stage == place.stage}
        return staged | {v for alias, v in self.aliases.items() if folded(alias) == place.alias}

    def holder(self, place: Place) -> Registered | None:
        """The version that stands there: by the alias if stage and alias disagree."""
        named = self.aliases.get(place.alias) if place.alias else None
        found = self.holders(place)
        return self.versions[named or max(found)] if found else None

    def agrees(self, place: Place, version: int) -> bool:
        """Whether this version stands there, by stage and alias, and no other."""
        by_stage = place.stage is None or self.versions[version].stage == place.stage
        by_alias = place.alias is None or self.aliases.get(place.alias) == version
        return by_stage and by_alias and self.holders(place) == {version}

    def held(self, policy: Policy, version: int) -> list[Place]:
        """Where a version stands."""
        return [place for place in places(policy) if version in self.holders(place)]


def standing(session: Session, workspace: str, name: str, version: int | None) -> Standing:
    """Read who stands where, and what the registry says of a version."""
    alias, mv = SqlRegisteredModelAlias, SqlModelVersion
    mine: sa.ColumnElement[bool] = (alias.workspace == workspace) & (alias.name == name)
    named: Query[Any] = session.query(alias.alias, alias.version).filter(mine)
    aliases: dict[str, int] = {row.alias: row.version for row in named}
    wanted = sa.or_(
        mv.version.in_([*aliases.values(), *([] if version is None else [version])]),
        mv.current_stage.in_(STAGES),
    )
    query = session.query(
        mv.version, mv.creation_time, mv.storage_location, mv.source, mv.run_id, mv.current_stage
    ).filter(mv.workspace == workspace, mv.name == name, wanted)
    found = {
        row.version: Registered(
            row.version,
            row.creation_time,
            row.storage_location or row.source or "",
            row.run_id,
            row.current_stage,
        )
        for row in query
        if row.current_stage != STAGE_DELETED_INTERNAL
    }
    # An alias of a version that is gone names nobody.
    return Standing(found, {name: v for name, v in aliases.items() if v in found})
