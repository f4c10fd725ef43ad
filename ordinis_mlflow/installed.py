"""Installed: classes that others plug in, found by their entry points."""

from dataclasses import is_dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ordinis_mlflow.errors import InvalidConfig


def installed(group: str, noun: str, method: str) -> dict[str, type[Any]]:
    """Every dataclass of an entry-point group, by name.

    Args:
        group: such as ``ordinis.gates``.
        noun: what messages call one of them.
        method: that each of them has.

    Raises:
        InvalidConfig: an entry point cannot be loaded, is no such class, has another name than its
            class, or two have one name.
    """
    found: dict[str, type[Any]] = {}
    for point in sorted(entry_points(group=group)):
        if point.name in found:
            raise InvalidConfig(
                f"{noun} {point.name!r} is installed twice, the second time as {point.value} "
                f"{_of(point)}: remove one"
            )
        found[point.name] = _loaded(point, noun, method)
    return found


def _loaded(point: EntryPoint, noun: str, method: str) -> type[Any]:
    said = f"{noun} {point.name!r}, which is {point.value} {_of(point)}"
    try:
        kind = point.load()
    except Exception as error:  # importing somebody's module may raise anything
        raise InvalidConfig(
            f"{said}, cannot be loaded: {type(error).__name__}: {error}; repair or uninstall it"
        ) from error
    if not (isinstance(kind, type) and is_dataclass(kind) and callable(getattr(kind, method, 0))):
        raise InvalidConfig(f"{said}, must be a dataclass with a method {method}, got {kind!r}")
    if getattr(kind, "name", None) != point.name:
        raise InvalidConfig(
            f"{said}, must have the name of its entry point, got {getattr(kind, 'name', None)!r}"
        )
    return kind


def _of(point: EntryPoint) -> str:
    return f"of {point.dist.name}" if point.dist else "of an unknown distribution"
