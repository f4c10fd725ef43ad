"""Configured: the tables ``[reactions.*]`` of a policy file, and which decision has which of them.

No message repeats what was written: a URL may hold a password.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from fnmatch import fnmatchcase
from typing import Any, get_type_hints

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.ledger import Action, Entry
from ordinis_mlflow.reactions.reaction import Reaction, actions_of, installed_reactions

OWN = ("kind", "actions", "models")
"""What a table says to the policy; the rest are settings of the reaction."""
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
WORDS = {str: "a text", int: "a whole number", float: "a finite number", bool: "true or false"}

Kinds = Mapping[str, type[Reaction]]


@dataclass(frozen=True)
class Configured:
    """A reaction as a policy asks for it.

    Attributes:
        name: of its table: so it is called in the outbox, in keys and in the log.
        reaction: made of the table's settings.
        actions: after which of them it is to happen.
        models: pattern of the models' names, as of ``fnmatch``; case counts.
    """

    name: str
    reaction: Reaction
    actions: tuple[Action, ...]
    models: str = "*"

    def follows(self, entry: Entry) -> bool:
        """Whether it is to happen after a decision."""
        return entry.action in self.actions and fnmatchcase(entry.model, self.models)


def read_reactions(tables: object, kinds: Kinds | None = None) -> tuple[Configured, ...]:
    """The reactions of a policy, in the order of its tables.

    Args:
        tables: what the file says below ``reactions``.
        kinds: the reactions that it may name; those that are installed by default.

    Raises:
        InvalidConfig: a table, a key, an action or a reaction is unknown, a setting is missing, of
            another type or outside its range.
    """
    named = _table("reactions", tables)
    if not named:  # then nobody's entry points need to be loaded
        return ()
    known = installed_reactions() if kinds is None else kinds
    return tuple(_configured(name, table, known) for name, table in named.items())


def _configured(name: str, table: object, kinds: Kinds) -> Configured:
    where = f"reactions.{name}"
    if not NAME.fullmatch(name):
        raise InvalidConfig(f"{where}: a name has 1 to 64 letters, digits, - and _")
    values = _table(where, table)
    said = _typed(f"{where}.kind", values.get("kind", name), str)
    if said not in kinds:
        raise InvalidConfig(
            f"{where} is of the kind {said!r}, which is none of the installed reactions "
            f"{sorted(kinds)}: correct the name, or say kind = one of them"
        )
    reaction = _made(where, kinds[said], {k: v for k, v in values.items() if k not in OWN})
    actions = _actions(where, values.get("actions"), actions_of(kinds[said]))
    models = _typed(f"{where}.models", values.get("models", "*"), str)
    return Configured(name, reaction, actions, models)


def _made(where: str, kind: type[Reaction], values: Mapping[str, Any]) -> Reaction:
    known = {field.name: field for field in fields(kind) if field.init}  # type: ignore[arg-type]
    unknown = sorted(values.keys() - known.keys())
    if unknown:
        raise InvalidConfig(
            f"{where} has unknown keys {unknown}: it may hold {sorted({*known, *OWN})}; correct "
            "the name or remove it"
        )
    needed = {name for name, field in known.items() if field.default is MISSING}
    if needed - values.keys():
        raise InvalidConfig(f"{where} needs {sorted(needed - values.keys())}")
    types = get_type_hints(kind)
    typed = {name: _typed(f"{where}.{name}", said, types[name]) for name, said in values.items()}
    try:
        return kind(**typed)
    except InvalidConfig as error:
        raise InvalidConfig(f"{where}: {error}") from error


def _actions(where: str, said: object, possible: tuple[Action, ...]) -> tuple[Action, ...]:
    if said is None:
        return possible
    chosen = said if isinstance(said, list) else []
    if not chosen or any(each not in possible for each in chosen):
        raise InvalidConfig(
            f"{where}.actions = {said!r} must be a list of one or more of {list(possible)}"
        )
    return tuple(each for each in possible if each in chosen)


def _typed(where: str, value: Any, kind: type[Any]) -> Any:
    """A value of the setting's type: neither 1 for true, nor nan for a number."""
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind or (isinstance(value, float) and not math.isfinite(value)):
        raise InvalidConfig(f"{where} must be {WORDS.get(kind, kind)}")
    return value


def _table(where: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidConfig(f"{where} must be a table")
    return value
