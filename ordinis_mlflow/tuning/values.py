"""Values: what was measured, held to the objectives."""

import math
import numbers
from collections.abc import Mapping, Sequence

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.tuning.optimiser import Objective


def ordered(values: Mapping[str, float], objectives: Sequence[Objective]) -> list[float]:
    """The values in the order of the objectives; they may still be nan.

    Raises:
        InvalidConfig: one is missing, too many or no number.
    """
    names = [objective.name for objective in objectives]
    if not isinstance(values, Mapping) or values.keys() != set(names):
        raise InvalidConfig(f"observed are the values of {names}, by name, got {values!r:.200}")
    return [number(name, values[name]) for name in names]


def number(name: str, value: object) -> float:
    """The value as a float.

    Raises:
        InvalidConfig: it is no number.
    """
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise InvalidConfig(f"{name} must be a number, got {value!r:.80}")
    return float(value)


def not_finite(values: Mapping[str, float]) -> str:
    """Which values are nan or infinite, in words; "" if none is."""
    return ", ".join(f"{name} is {v}" for name, v in values.items() if not math.isfinite(v))
