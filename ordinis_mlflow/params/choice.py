"""Choices: unordered, ordered, and yes or no."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ordinis_mlflow.errors import InvalidSpace
from ordinis_mlflow.params.param import Param, Value, thinned

TYPES = (bool, int, float, str)


@dataclass(frozen=True)
class CategoricalParam(Param):
    """One of several values without an order.

    Attributes:
        name: of the parameter.
        choices: at least one, different, all of one type: bool, int, float or str.
        default: what it is without tuning.

    Raises:
        InvalidSpace: the choices break a rule, or the default is none of them.
    """

    kind: ClassVar[str] = "categorical"
    name: str
    choices: tuple[Any, ...]
    default: Any = None

    @property
    def value_type(self) -> type[Value]:
        """Of the choices."""
        return type(self.choices[0])

    @property
    def finite(self) -> bool:
        """There is a last one."""
        return True

    def check(self, value: object) -> Value:
        """The value, if it is a choice; 1 is not true, and not 1.0."""
        plain = value.item() if isinstance(value, np.generic) else value
        if type(plain) is not self.value_type or plain not in self.choices:
            raise self._refuse(f"one of {list(self.choices)}", value)
        return plain

    def corners(self) -> tuple[Value, ...]:
        """Every choice."""
        return self.choices

    def grid(self, points: int | None = None) -> Sequence[Value]:
        """Every choice: those without an order cannot be thinned."""
        return self.choices

    def _check_range(self) -> None:
        # A text would be as many choices as it has letters.
        if not isinstance(self.choices, Sequence) or isinstance(self.choices, str):
            raise InvalidSpace(f"{self.name}: choices must be a sequence, got {self.choices!r}")
        self._set(choices=tuple(self.choices))
        kinds = {type(choice) for choice in self.choices}
        if len(kinds) != 1 or not kinds <= set(TYPES):
            raise InvalidSpace(
                f"{self.name}: choices must be at least one value, all bool, all int, all float or "
                f"all str, got {list(self.choices)}"
            )
        if kinds == {float} and not all(map(math.isfinite, self.choices)):
            raise InvalidSpace(f"{self.name}: choices must be finite, got {list(self.choices)}")
        if len(set(self.choices)) < len(self.choices):
            raise InvalidSpace(f"{self.name}: choices must differ, got {list(self.choices)}")


@dataclass(frozen=True)
class OrdinalParam(CategoricalParam):
    """One of several values in an order: neighbours are alike, distances are not known.

    Attributes:
        name: of the parameter.
        choices: from first to last; at least one, different, all of one type.
        default: what it is without tuning.

    Raises:
        InvalidSpace: the choices break a rule, or the default is none of them.
    """

    kind: ClassVar[str] = "ordinal"

    def corners(self) -> tuple[Value, ...]:
        """First and last."""
        return self.choices[:1] if len(self.choices) == 1 else (self.choices[0], self.choices[-1])

    def grid(self, points: int | None = None) -> Sequence[Value]:
        """Evenly spaced by place."""
        return [self.choices[index] for index in thinned(len(self.choices), points)]


@dataclass(frozen=True)
class BoolParam(Param):
    """Yes or no.

    Attributes:
        name: of the parameter.
        default: what it is without tuning.

    Raises:
        InvalidSpace: the default is neither.
    """

    kind: ClassVar[str] = "bool"
    name: str
    default: bool | None = None

    @property
    def value_type(self) -> type[Value]:
        """Bool."""
        return bool

    @property
    def finite(self) -> bool:
        """There are two."""
        return True

    def check(self, value: object) -> Value:
        """The value, if it is true or false; 1 and 0 are not."""
        if not isinstance(value, bool | np.bool_):
            raise self._refuse("true or false", value)
        return bool(value)

    def corners(self) -> tuple[Value, ...]:
        """Both."""
        return (False, True)

    def grid(self, points: int | None = None) -> Sequence[Value]:
        """Both."""
        return (False, True)

    def _check_range(self) -> None:
        """There is nothing to check."""
