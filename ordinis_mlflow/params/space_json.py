"""A space as JSON, format 1.

To change the format: raise FORMAT, keep reading the old numbers, and add a text of the old format
to the tests. Studies keep their space in it.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from ordinis_mlflow.errors import InvalidSpace
from ordinis_mlflow.params.choice import BoolParam, CategoricalParam, OrdinalParam
from ordinis_mlflow.params.condition import Condition
from ordinis_mlflow.params.numeric import FloatParam, IntParam, Special
from ordinis_mlflow.params.param import Param
from ordinis_mlflow.params.strict_json import parse

FORMAT = 1
KINDS: dict[str, type[Param]] = {
    kind.kind: kind for kind in (FloatParam, IntParam, CategoricalParam, OrdinalParam, BoolParam)
}


def space_to_json(params: Sequence[Param], conditions: Sequence[Condition]) -> str:
    """JSON text of parameters and conditions, on one line."""
    content = {
        "format": FORMAT,
        "params": [{"kind": param.kind, **_fields(param)} for param in params],
        "conditions": [asdict(condition) for condition in conditions],
    }
    return json.dumps(content, allow_nan=False)


def space_from_json(text: str) -> tuple[tuple[Param, ...], tuple[Condition, ...]]:
    """Read what :func:`space_to_json` wrote.

    Raises:
        InvalidSpace: not JSON, another format, an unknown kind or field, or a rule is broken.
    """
    content = _table(parse(text), ("format", "params", "conditions"), "a space")
    if content["format"] != FORMAT or type(content["format"]) is not int:
        raise InvalidSpace(f"a space of format {content['format']!r}: this version reads {FORMAT}")
    return (
        tuple(map(_param, _list(content["params"], "params"))),
        tuple(map(_condition, _list(content["conditions"], "conditions"))),
    )


def _param(entry: Any) -> Param:
    name = entry.get("kind") if isinstance(entry, dict) else None
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise InvalidSpace(f"a parameter's kind is one of {list(KINDS)}, got {entry!r:.200}")
    values = _table(entry, ("kind", *_names(kind)), f"a parameter of kind {name}")
    del values["kind"]
    if "special" in values:
        values["special"] = tuple(map(_special, _list(values["special"], "special")))
    if "choices" in values:
        values["choices"] = tuple(_list(values["choices"], "choices"))
    return kind(**values)


def _condition(entry: Any) -> Condition:
    values = _table(entry, _names(Condition), "a condition")
    return Condition(**{**values, "values": tuple(_list(values["values"], "values"))})


def _special(entry: Any) -> Special:
    return Special(**_table(entry, _names(Special), "a special value"))


def _fields(param: Any) -> dict[str, Any]:
    return asdict(param)


def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _table(value: Any, names: Sequence[str], what: str) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != set(names):
        raise InvalidSpace(f"{what} is a JSON object with {list(names)}, got {value!r:.200}")
    return dict(value)


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidSpace(f"{what} must be a JSON array, got {value!r:.200}")
    return value
