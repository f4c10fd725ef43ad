"""Condition: when a parameter is part of a configuration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ordinis_mlflow.errors import InvalidConfiguration, InvalidSpace
from ordinis_mlflow.params.numeric import Number
from ordinis_mlflow.params.param import Param, Value


@dataclass(frozen=True)
class Condition:
    """``child`` is active only while ``parent`` is, and has one of certain values.

    Several conditions on one child must all hold.

        Condition("momentum", "optimizer", values=("sgd",))
        Condition("dropout", "num_layers", above=1)

    Attributes:
        child: name of the parameter that depends.
        parent: name of the parameter that it depends on.
        values: of the parent, one of which it must have.
        above: the parent must be greater.
        below: the parent must be less.

    Raises:
        InvalidSpace: nothing is asked of the parent, or two kinds of things.
    """

    child: str
    parent: str
    values: tuple[Any, ...] = ()
    above: float | None = None
    below: float | None = None

    def __post_init__(self) -> None:
        for name in (self.child, self.parent):
            if not isinstance(name, str):
                raise InvalidSpace(f"a condition names two parameters, got {name!r:.80}")
        if not isinstance(self.values, Sequence) or isinstance(self.values, str):
            raise InvalidSpace(f"{self}: values must be a sequence, got {self.values!r}")
        object.__setattr__(self, "values", tuple(self.values))
        if bool(self.values) == (self.above is not None or self.below is not None):
            raise InvalidSpace(
                f"the condition of {self.child!r} on {self.parent!r} must state values, or above "
                "and below"
            )

    def __str__(self) -> str:
        if self.values:
            rule = f"is one of {list(self.values)}"
        else:
            ends = {"above": self.above, "below": self.below}
            said = (f"{word} {end}" for word, end in ends.items() if end is not None)
            rule = f"is {' and '.join(said)}"
        return f"{self.child} only if {self.parent} {rule}"

    def holds(self, value: Value) -> bool:
        """Whether it does for a value of the parent."""
        if self.values:
            return value in self.values
        high_enough = self.above is None or value > self.above  # type: ignore[operator]
        return high_enough and (self.below is None or value < self.below)  # type: ignore[operator]

    def check(self, parent: Param) -> None:
        """Hold it to what the parent can be.

        Raises:
            InvalidSpace: a value is none of the parent's, the parent has no order, or the
                condition can never hold.
        """
        if self.values:
            self._check_values(parent)
            return
        for end in (self.above, self.below):
            if end is not None and (isinstance(end, bool) or not isinstance(end, int | float)):
                raise InvalidSpace(f"{self}: above and below are numbers, got {end!r}")
        if parent.value_type not in (int, float):
            raise InvalidSpace(f"{self}: {parent.name} is no number; state its values")
        if not self._can_hold(parent):
            raise InvalidSpace(f"{self}: it can never hold, {parent.name} has no such value")

    def _check_values(self, parent: Param) -> None:
        try:
            checked = tuple(parent.check(value) for value in self.values)
        except InvalidConfiguration as error:
            raise InvalidSpace(f"{self}: {error}") from error
        # Their order means nothing: two spaces that say the same are equal.
        object.__setattr__(self, "values", tuple(sorted(set(checked))))

    def _can_hold(self, parent: Param) -> bool:
        if not isinstance(parent, Number):
            return any(map(self.holds, parent.grid()))
        low = parent.low if self.above is None else max(parent.low, self.above)
        high = parent.high if self.below is None else min(parent.high, self.below)
        # Where any value of the range lies in between, the one nearest to the middle does.
        middle = parent.nearest(low + (high - low) / 2)
        return any(map(self.holds, (*parent.corners(), middle)))
