"""The policy file: TOML to a Policy, or an error that names the file, the key and what to do."""

import hashlib
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.promotion.gate import Gate, installed_gates
from ordinis_mlflow.promotion.policy import DEFAULT, STAGES, Policy, Rule
from ordinis_mlflow.reactions import read_reactions

BUILT_IN = Path(__file__).with_name("policy.toml")
KEYS = ("aliases", "cost_bps", "models", "reactions")
ALIAS = re.compile(r"[A-Za-z0-9_-]{1,255}")
WORDS = {float: "a finite number", int: "a whole number", bool: "true or false", str: "a text"}

Kinds = Mapping[str, type[Gate]]


def read_policy(path: Path | str | None = None, kinds: Kinds | None = None) -> Policy:
    """Read and check a policy; the built-in one by default.

    Args:
        path: of the TOML file.
        kinds: the gates that it may name; those that are installed by default.

    Raises:
        InvalidConfig: the file cannot be read, names an unknown key or gate, states a limit outside
            its range, leaves a protected target without gates, or asks for a reaction that is not
            installed or cannot be made of its settings.
    """
    file = Path(path or BUILT_IN)
    try:
        content = file.read_bytes()
        values = tomllib.loads(content.decode())
        return _policy(values, str(file), hashlib.sha256(content).hexdigest(), kinds)
    except InvalidConfig as error:
        raise InvalidConfig(f"policy {file}: {error}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidConfig(f"policy {file} cannot be read as TOML: {error}") from error


def _policy(values: dict[str, Any], file: str, digest: str, kinds: Kinds | None) -> Policy:
    _refuse_unknown("the file", values, KEYS)
    aliases = _aliases(_table("aliases", values.get("aliases", {})))
    cost = values.get("cost_bps", 1.0)
    if type(cost) not in (int, float) or not 0.0 <= cost < math.inf:
        raise InvalidConfig(f"cost_bps = {cost!r} must be a number of at least 0")
    places = dict.fromkeys((*STAGES, *aliases.values()))
    models = _table("models", values.get("models", {}))
    rules = tuple(_rules(models, tuple(places), installed_gates() if kinds is None else kinds))
    for place in places:
        if not any(rule.place == place and rule.models == DEFAULT for rule in rules):
            raise InvalidConfig(
                f'[models."*"."{place}"] is missing, so that a model could get there without '
                "gates: add it, with one gate at least"
            )
    reactions = read_reactions(values.get("reactions", {}))
    return Policy(file, digest, aliases, float(cost), rules, reactions)


def _aliases(table: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for alias, place in table.items():
        name = alias.lower()
        if not ALIAS.fullmatch(alias) or place not in (*STAGES, f"@{alias}"):
            raise InvalidConfig(
                f"aliases.{alias} = {place!r}: an alias of letters, digits, - and _ stands for "
                f"one of {', '.join(STAGES)}, or for a table of its own, '@{alias}'"
            )
        if name in found or place in found.values():
            raise InvalidConfig(
                f"aliases.{alias} = {place!r}: it comes twice; one alias stands for one place"
            )
        found[name] = place
    return found


def _rules(models: Mapping[str, Any], places: tuple[str, ...], kinds: Kinds) -> Iterator[Rule]:
    for pattern, targets in models.items():
        key = f'models."{pattern}"'
        _refuse_unknown(key, _table(key, targets), places)
        for place, gates in targets.items():
            where = f"{key}.{place}"
            if not _table(where, gates):
                raise InvalidConfig(f"{where} is empty: name one gate at least, or remove it")
            _refuse_unknown(where, gates, tuple(kinds))
            made = (_gate(f"{where}.{name}", kinds[name], said) for name, said in gates.items())
            yield Rule(pattern, place, tuple(made))


def _gate(where: str, kind: type[Gate], limits: Any) -> Gate:
    known = {field.name: field for field in fields(kind) if field.init}  # type: ignore[arg-type]
    _refuse_unknown(where, _table(where, limits), tuple(known))
    values = {
        name: _limit(f"{where}.{name}", value, type(known[name].default))
        for name, value in limits.items()
    }
    try:
        return kind(**values)
    except InvalidConfig as error:
        raise InvalidConfig(f"{where} = {limits}: {error}") from error


def _limit(where: str, value: Any, kind: type[Any]) -> Any:
    """A value of the default's type: neither 1 for true, nor nan for a number."""
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind or (isinstance(value, float) and not math.isfinite(value)):
        raise InvalidConfig(f"{where} = {value!r} must be {WORDS.get(kind, kind.__name__)}")
    return value


def _table(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidConfig(f"{where} = {value!r} must be a table")
    return value


def _refuse_unknown(where: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = [name for name in table if name not in known]
    if unknown:
        raise InvalidConfig(
            f"{where} has unknown keys {unknown}: it may hold {sorted(known)}; correct the name "
            "or remove it"
        )
