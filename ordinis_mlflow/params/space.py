"""Space: parameters, and conditions under which each of them matters."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ordinis_mlflow.errors import InvalidConfiguration, InvalidSpace
from ordinis_mlflow.params.condition import Condition
from ordinis_mlflow.params.config_class import check_class, with_defaults
from ordinis_mlflow.params.configuration import Configuration
from ordinis_mlflow.params.param import Param, Value
from ordinis_mlflow.params.space_json import space_from_json, space_to_json


@dataclass(frozen=True)
class Space:
    """What may be tuned.

    The order in which parameters and conditions are given means nothing: both are kept sorted, so
    that spaces that say the same are equal.

    Attributes:
        params: at least one, with different names, each with a default.
        conditions: under which a parameter is part of a configuration.

    Raises:
        InvalidSpace: no parameters, a name that comes twice, a parameter without a default, a
            condition on or of an unknown parameter, one that can never hold, or a circle.
    """

    params: tuple[Param, ...]
    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        self._check_params()
        for condition in self.conditions:
            self._check_condition(condition)
        params = sorted(self.params, key=lambda param: param.name)
        object.__setattr__(self, "params", tuple(params))
        object.__setattr__(self, "conditions", tuple(sorted(set(self.conditions), key=repr)))
        _ = self.order  # which refuses a circle

    @classmethod
    def of(
        cls, config_class: type, params: Sequence[Param], conditions: Sequence[Condition] = ()
    ) -> "Space":
        """A space whose defaults are those of a config dataclass, held to it by check_class.

        Args:
            config_class: a dataclass of settings, for example ``LSTMConfig``.
            params: named as its fields; where they state no default it is read from the class.
            conditions: under which a parameter is part of a configuration.

        Raises:
            InvalidSpace: the space breaks a rule, or it and the class do not fit.
        """
        space = cls(with_defaults(config_class, params), tuple(conditions))
        space.check_class(config_class)
        return space

    def check_class(self, config_class: type) -> None:
        """Hold the space to a config dataclass, so that the two cannot drift apart.

        Every parameter is a field, with an equal default and of the same type; and the class
        accepts both ends of every range, special values and choices, alone and all together.

        Raises:
            InvalidSpace: it does not; the parameter, and what the class said, are named.
        """
        lowest, highest = (self._end(place) for place in (0, -1))
        check_class(config_class, self.params, (lowest, highest))

    @cached_property
    def order(self) -> tuple[Param, ...]:
        """The parameters, each after those that it depends on."""
        parents: dict[str, list[str]] = {param.name: [] for param in self.params}
        for condition in self.conditions:
            parents[condition.child].append(condition.parent)
        try:
            return tuple(self[name] for name in TopologicalSorter(parents).static_order())
        except CycleError as error:
            raise InvalidSpace(
                f"conditions go in a circle: {' -> '.join(error.args[1])}; each parameter must "
                "be decided before those that depend on it"
            ) from error

    @cached_property
    def finite(self) -> bool:
        """Whether there is an end to its configurations."""
        return all(param.finite for param in self.params)

    def __getitem__(self, name: str) -> Param:
        return self._by_name[name]

    def reason_against(self, name: str, values: Mapping[str, Any]) -> Condition | None:
        """The condition that keeps a parameter out of a configuration; None if it belongs there.

        Args:
            name: of the parameter.
            values: of all active parameters that it depends on.
        """
        for condition in self._conditions_of[name]:
            value = values.get(condition.parent)
            if value is None or not condition.holds(value):
                return condition
        return None

    def active(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of the parameters that belong to a configuration with these values of parents."""
        found: dict[str, Any] = {}
        for param in self.order:
            if self.reason_against(param.name, found) is None:
                found[param.name] = values.get(param.name)
        return tuple(found)

    def defaults(self) -> Configuration:
        """Every active parameter at its default."""
        return self._configuration(lambda param: param.default)

    def check(self, values: Mapping[str, Any]) -> Configuration:
        """The configuration that these values are.

        Raises:
            InvalidConfiguration: a name is unknown; a parameter is missing, or given although a
                condition keeps it out; a value is of a wrong type, out of range or off the grid.
        """
        if not isinstance(values, Mapping):
            raise InvalidConfiguration(f"a configuration is names and values, got {values!r:.80}")
        unknown = [name for name in values if name not in self._by_name]
        if unknown:
            raise InvalidConfiguration(
                f"unknown parameters {unknown}: the space has {list(self._by_name)}"
            )
        checked: dict[str, Value] = {}
        for param in self.order:
            if self._belongs(param.name, values, checked):
                checked[param.name] = param.check(values[param.name])
        return Configuration(checked)

    def grid(self, points: int | None = None) -> Iterator[Configuration]:
        """Every configuration, inactive parameters left out, each once.

        Args:
            points: at most this many values of each range; all by default.

        Raises:
            InvalidSpace: all were asked for and there is no end of them.
        """
        return map(Configuration, self._walk(0, {}, points))

    def to_json(self) -> str:
        """JSON text; numbers keep every bit, and equal spaces have the same text."""
        return space_to_json(self.params, self.conditions)

    @classmethod
    def from_json(cls, text: str) -> "Space":
        """Read what :meth:`to_json` wrote.

        Raises:
            InvalidSpace: not a space.
        """
        return cls(*space_from_json(text))

    def fingerprint(self) -> str:
        """SHA-256 of what :meth:`to_json` says: equal for equal spaces only."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def differences(self, other: "Space") -> list[str]:
        """What another space says otherwise: a line for each parameter and condition."""
        lines = []
        for name in sorted({*self._by_name, *other._by_name}):
            here, there = self._by_name.get(name), other._by_name.get(name)
            if here != there:
                lines.append(f"{name}: {here or 'absent'} against {there or 'absent'}")
        mine, others = set(map(str, self.conditions)), set(map(str, other.conditions))
        lines += [f"{said}: only here" for said in sorted(mine - others)]
        return lines + [f"{said}: only there" for said in sorted(others - mine)]

    @cached_property
    def _by_name(self) -> dict[str, Param]:
        return {param.name: param for param in self.params}

    @cached_property
    def _conditions_of(self) -> dict[str, list[Condition]]:
        return {
            name: [each for each in self.conditions if each.child == name] for name in self._by_name
        }

    def _check_params(self) -> None:
        if not self.params:
            raise InvalidSpace("a space needs at least one parameter, got none")
        if not all(isinstance(param, Param) for param in self.params):
            raise InvalidSpace(f"params must be parameters, got {self.params!r:.200}")
        names = [param.name for param in self.params]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InvalidSpace(f"parameters come twice: {twice}; give each a name of its own")
        for param in self.params:
            if param.default is None:
                raise InvalidSpace(
                    f"{param.name} has no default: state one, or read it with Space.of from a class"
                )

    def _check_condition(self, condition: Condition) -> None:
        if not isinstance(condition, Condition):
            raise InvalidSpace(f"conditions must be Condition, got {condition!r:.200}")
        for name in (condition.child, condition.parent):
            if name not in self._by_name:
                raise InvalidSpace(
                    f"condition {str(condition)!r}: {name!r} is no parameter of the space, "
                    f"it has {sorted(self._by_name)}"
                )
        condition.check(self[condition.parent])

    def _belongs(self, name: str, values: Mapping[str, Any], parents: dict[str, Value]) -> bool:
        against = self.reason_against(name, parents)
        if against is None and name not in values:
            raise InvalidConfiguration(f"{name} is missing, and it counts here")
        if against is not None and name in values:
            got = parents.get(against.parent, "not active")
            raise InvalidConfiguration(
                f"{name} = {values[name]!r} is given, but {against}, and that is {got!r}: leave "
                "it out"
            )
        return against is None

    def _configuration(self, value_of: Any) -> Configuration:
        values: dict[str, Value] = {}
        for param in self.order:
            if self.reason_against(param.name, values) is None:
                values[param.name] = value_of(param)
        return Configuration(values)

    def _end(self, place: int) -> Configuration:
        return self._configuration(lambda param: param.corners()[place])

    def _walk(
        self, depth: int, values: dict[str, Value], points: int | None
    ) -> Iterator[dict[str, Value]]:
        if depth == len(self.order):
            yield values
            return
        param = self.order[depth]
        if self.reason_against(param.name, values) is not None:
            yield from self._walk(depth + 1, values, points)
            return
        for value in param.grid(points):
            yield from self._walk(depth + 1, {**values, param.name: value}, points)
