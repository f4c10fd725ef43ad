"""Numbers: floats and integers on a linear or logarithmic scale, with special values."""

import math
import numbers
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import ClassVar

import numpy as np

from ordinis_mlflow.errors import InvalidConfiguration, InvalidSpace
from ordinis_mlflow.params.param import Param, Value, thinned

MOST_INTEGER = 2**53
"""Beyond it, floats skip integers: optimisers compute in floats."""


@dataclass(frozen=True)
class Special:
    """A value outside a parameter's range that has a meaning of its own, such as 0 = off.

    Attributes:
        value: outside the range.
        share: of the trials that an optimiser without knowledge tries it in, in (0, 1).

    Raises:
        InvalidSpace: the share is outside its range.
    """

    value: float
    share: float = 0.1

    def __post_init__(self) -> None:
        if not _is_number(self.share) or not 0.0 < self.share < 1.0:
            raise InvalidSpace(f"share of a special value must be in (0, 1), got {self.share!r}")


@dataclass(frozen=True)
class Number(Param):
    """What floats and integers share."""

    name: str
    low: float
    high: float
    default: float | None = None
    log: bool = False
    step: float | None = None
    special: tuple[Special, ...] = ()

    @property
    def finite(self) -> bool:
        """Whether there is a last one."""
        return self.step is not None or self.low == self.high

    @property
    def steps(self) -> int:
        """How many values the range has; special ones do not count."""
        if self.step is None:
            return 1
        return int((_exact(self.high) - _exact(self.low)) / _exact(self.step)) + 1

    def check(self, value: object) -> Value:
        """The number, if it is special, or in the range and on its grid."""
        number = self._typed(value)
        if any(number == each.value for each in self.special):
            return number
        if not self.low <= number <= self.high:
            raise self._refuse(f"in [{self.low}, {self.high}]{self._or_special()}", value)
        if number != self.nearest(number):
            rule = f"{self.low} plus a multiple of {self.step}{self._or_special()}"
            raise self._refuse(f"{rule}; the nearest is {self.nearest(number)}", value)
        return number

    def corners(self) -> tuple[Value, ...]:
        """Special values, low and high."""
        ends = (self.low, self.high) if self.low < self.high else (self.low,)
        return (*(each.value for each in self.special), *ends)

    def grid(self, points: int | None = None) -> Iterable[Value]:
        """Special values, then evenly spaced ones from low to high."""
        special = [each.value for each in self.special]
        if self.finite:
            return chain(special, map(self._at, thinned(self.steps, points)))
        if points is None:
            raise InvalidSpace(
                f"{self.name} has no last value: give it a step, or say how many points of it "
                "the grid has"
            )
        if len(thinned(points, points)) == 1:
            return [*special, self.low]
        spaced = np.geomspace if self.log else np.linspace
        inner = spaced(self.low, self.high, points)[1:-1].tolist()
        return [*special, self.low, *map(self.nearest, inner), self.high]

    def nearest(self, value: float) -> float:
        """The value of the range that is nearest: what arithmetic with steps is rounded to."""
        inside = min(max(value, self.low), self.high)
        if self.step is None:
            return inside
        return self._at(round((Fraction(inside) - _exact(self.low)) / _exact(self.step)))

    def _at(self, index: int) -> float:
        """In decimals, as people write it: 0.1 + 2·0.1 is 0.3."""
        if self.step is None:
            return self.low
        return type(self.low)(_exact(self.low) + index * _exact(self.step))

    def _typed(self, value: object) -> float:
        raise NotImplementedError

    def _check_range(self) -> None:
        self._set(low=self._bound("low"), high=self._bound("high"))
        if not 0 <= self.high - self.low < math.inf:
            raise InvalidSpace(
                f"{self.name}: low must not exceed high, nor be infinitely far from it, got "
                f"{self.low} and {self.high}"
            )
        if type(self.log) is not bool:
            raise InvalidSpace(f"{self.name}: log must be true or false, got {self.log!r}")
        if self.log and self.low <= 0:
            raise InvalidSpace(f"{self.name}: a log scale needs low above 0, got {self.low}")
        self._check_step()
        self._check_special()

    def _bound(self, field: str) -> float:
        try:
            return self._typed(getattr(self, field))
        except InvalidConfiguration as error:
            raise InvalidSpace(f"{field} of {error}") from error

    def _check_step(self) -> None:
        if self.step is None:
            return
        step = self._bound("step")
        self._set(step=step)
        if step <= 0:
            raise InvalidSpace(f"{self.name}: step must be positive, got {step}")
        if self.log:
            raise InvalidSpace(
                f"{self.name}: a log scale takes no step (got {step}); an OrdinalParam lists "
                "the values"
            )
        if (_exact(self.high) - _exact(self.low)) % _exact(step):
            raise InvalidSpace(
                f"{self.name}: high must be low plus a multiple of the step, got {self.low}, "
                f"{self.high} and {step}"
            )
        if self.steps > MOST_INTEGER:
            raise InvalidSpace(f"{self.name}: a step of {step} is lost in a range this wide")

    def _check_special(self) -> None:
        if not all(isinstance(each, Special) for each in self.special):
            raise InvalidSpace(f"{self.name}: special must hold Special, got {self.special!r}")
        values = []
        for each in self.special:
            try:
                values.append(self._typed(each.value))
            except InvalidConfiguration as error:
                raise InvalidSpace(f"a special value of {error}") from error
            if self.low <= values[-1] <= self.high or values[-1] in values[:-1]:
                raise InvalidSpace(
                    f"{self.name}: a special value lies outside the range and comes once, got "
                    f"{each.value!r} beside [{self.low}, {self.high}]"
                )
        if sum(each.share for each in self.special) >= 1.0:
            raise InvalidSpace(f"{self.name}: shares of special values must sum to less than 1")
        pairs = zip(values, self.special, strict=True)
        self._set(special=tuple(Special(value, float(each.share)) for value, each in pairs))

    def _or_special(self) -> str:
        return "".join(f" or {each.value}" for each in self.special)


@dataclass(frozen=True)
class FloatParam(Number):
    """A real number.

    Attributes:
        name: of the parameter.
        low: least value.
        high: greatest value, included.
        default: what it is without tuning.
        log: whether equal ratios are equally far apart; needs low > 0.
        step: values are low + k·step, in decimals: from 0 by 0.1, the third is 0.2 and the fourth
            0.3. None for all.
        special: values outside the range that have a meaning of their own.

    Raises:
        InvalidSpace: a bound is no finite number, the bounds are out of order, scale and step do
            not fit them, or the default is outside.
    """

    kind: ClassVar[str] = "float"

    @property
    def value_type(self) -> type[Value]:
        """Float."""
        return float

    def _typed(self, value: object) -> float:
        if not _is_number(value) or not math.isfinite(value):  # type: ignore[arg-type]
            raise self._refuse("a finite number", value)
        return float(value)  # type: ignore[arg-type]


@dataclass(frozen=True)
class IntParam(Number):
    """A whole number.

    Attributes:
        name: of the parameter.
        low: least value.
        high: greatest value, included.
        default: what it is without tuning.
        log: whether equal ratios are equally far apart; needs low > 0.
        step: values are low + k·step; 1 by default.
        special: values outside the range that have a meaning of their own.

    Raises:
        InvalidSpace: as of FloatParam; or a bound is beyond ±2**53.
    """

    kind: ClassVar[str] = "int"
    low: int
    high: int
    default: int | None = None
    step: int | None = None

    @property
    def value_type(self) -> type[Value]:
        """Int."""
        return int

    @property
    def finite(self) -> bool:
        """There is a last one."""
        return True

    @property
    def steps(self) -> int:
        """How many values the range has; special ones do not count."""
        return (self.high - self.low) // (self.step or 1) + 1

    def nearest(self, value: float) -> int:
        """The value of the range that is nearest."""
        inside = min(max(value, self.low), self.high)
        return self._at(round((inside - self.low) / (self.step or 1)))

    def _at(self, index: int) -> int:
        return self.low + index * (self.step or 1)

    def _typed(self, value: object) -> int:
        if isinstance(value, int | np.integer) and not isinstance(value, bool):
            whole = int(value)
            if abs(whole) <= MOST_INTEGER:
                return whole
        raise self._refuse("a whole number within ±2**53", value)


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _exact(value: float) -> Fraction:
    """As it is written: the shortest decimals that give the same bits."""
    return Fraction(repr(value))
