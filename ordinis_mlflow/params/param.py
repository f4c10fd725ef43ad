"""Param: what every tunable value has, whatever its kind."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, TypeAlias

from ordinis_mlflow.errors import InvalidConfiguration, InvalidSpace

Value: TypeAlias = bool | int | float | str


class Param(ABC):
    """A named value that may be tuned; each kind is a frozen dataclass.

    Attributes:
        name: a Python identifier, because configurations become keyword arguments.
        default: of each kind; None until a space reads it from a config class.

    Raises:
        InvalidSpace: the name is no identifier; of each kind, more.
    """

    kind: ClassVar[str]
    name: str
    default: Any

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise InvalidSpace(f"a parameter's name must be a Python identifier, got {self.name!r}")
        self._check_range()
        if self.default is not None:
            self._set(default=self._checked_default())

    @abstractmethod
    def check(self, value: object) -> Value:
        """The value, in the parameter's own type.

        Raises:
            InvalidConfiguration: it is of another type, out of range or off the grid.
        """

    @property
    @abstractmethod
    def value_type(self) -> type[Value]:
        """Of all its values."""

    @property
    @abstractmethod
    def finite(self) -> bool:
        """Whether it has finitely many values (those of floating point do not count)."""

    @abstractmethod
    def corners(self) -> tuple[Value, ...]:
        """The ends of its range, and what lies outside of it: where a consumer may refuse."""

    @abstractmethod
    def grid(self, points: int | None = None) -> Iterable[Value]:
        """Its values in order, special ones first.

        Args:
            points: at most this many of the range, evenly spaced on its scale; all by default.

        Raises:
            InvalidSpace: all were asked for and there is no end of them.
        """

    @abstractmethod
    def _check_range(self) -> None: ...

    def _checked_default(self) -> Value:
        try:
            return self.check(self.default)
        except InvalidConfiguration as error:
            raise InvalidSpace(f"the default is outside its range: {error}") from error

    def _set(self, **fields: object) -> None:
        """In a frozen dataclass, while it is made."""
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def _refuse(self, rule: str, value: object) -> InvalidConfiguration:
        return InvalidConfiguration(f"{self.name} must be {rule}, got {value!r:.80}")


def thinned(count: int, points: int | None) -> Sequence[int]:
    """At most ``points`` of the indices below ``count``, evenly spaced, both ends included."""
    if points is not None and points < 1:
        raise InvalidSpace(f"a grid needs at least 1 point a parameter, got {points}")
    if points is None or points >= count:
        return range(count)
    return [0] if points == 1 else [i * (count - 1) // (points - 1) for i in range(points)]
