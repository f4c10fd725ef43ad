"""A space beside the config dataclass that its configurations become."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from typing import Any, get_type_hints

from ordinis_mlflow.errors import InvalidSpace
from ordinis_mlflow.params.param import Param, Value

PLAIN = (bool, int, float, str)


def with_defaults(config_class: type, params: Sequence[Param]) -> tuple[Param, ...]:
    """The parameters, where they state no default with that of the class.

    Raises:
        InvalidSpace: a parameter is no field with a default, or the default is outside its range.
    """
    return tuple(
        replace(param, default=_default(config_class, param.name))  # type: ignore[type-var]
        if param.default is None
        else param
        for param in params
    )


def check_class(
    config_class: type, params: Sequence[Param], together: Sequence[Mapping[str, Value]]
) -> None:
    """Hold parameters to the class: names, types, defaults, and that it accepts their ranges.

    Args:
        config_class: a dataclass whose own validation raises ValueError or TypeError.
        params: of the space.
        together: configurations that it must accept besides each corner of each parameter.

    Raises:
        InvalidSpace: they do not fit.
    """
    for param in params:
        _check_field(config_class, param)
    for values in (*_corners(params), *together):
        try:
            config_class(**values)
        except (ValueError, TypeError) as error:
            raise InvalidSpace(
                f"{config_class.__name__} refuses {dict(values)}, which the space allows: {error}"
            ) from error


def _check_field(config_class: type, param: Param) -> None:
    where = f"{config_class.__name__}.{param.name}"
    default = _default(config_class, param.name)
    hint = get_type_hints(config_class).get(param.name)
    kind = hint if hint in PLAIN else type(default)
    if kind is not param.value_type:
        raise InvalidSpace(
            f"{where} is of type {kind.__name__}, the space has {param.value_type.__name__}"
        )
    if default != param.default:
        raise InvalidSpace(f"{where} is {default!r} by default, the space has {param.default!r}")


def _default(config_class: type, name: str) -> Any:
    field = _fields(config_class).get(name)
    if field is None or field.default is MISSING:
        raise InvalidSpace(
            f"{name!r} is no field with a default of {config_class.__name__}, which has "
            f"{sorted(_fields(config_class))}"
        )
    return field.default


def _fields(config_class: type) -> dict[str, Field[Any]]:
    if not is_dataclass(config_class) or not isinstance(config_class, type):
        raise InvalidSpace(f"a space is held to a dataclass, got {config_class!r}")
    return {field.name: field for field in fields(config_class) if field.init}


def _corners(params: Sequence[Param]) -> Iterator[dict[str, Value]]:
    for param in params:
        yield from ({param.name: corner} for corner in param.corners())
