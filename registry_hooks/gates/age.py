"""Gate: the model has been fitted to bars that are recent enough."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.promotion import Candidate
from ordinis_mlflow.verdict import Verdict

DAY = 86_400e9
"""Nanoseconds."""


@dataclass(frozen=True)
class AgeGate:
    """Days since the newest bar that the model was fitted to, the validation bars among them.

    Attributes:
        days: at most.
        clock: gives the time now, UTC nanoseconds; no limit, and for tests to change.
    """

    name: ClassVar[str] = "age"
    clock: ClassVar[Callable[[], int]] = time.time_ns
    days: float = 400.0

    def __post_init__(self) -> None:
        if not 0.0 < self.days < math.inf:
            raise InvalidConfig(f"days must be a number above 0, got {self.days}")

    def check(self, candidate: Candidate) -> Verdict:
        """The figure is the age; one below zero is of a model that claims to know the future."""
        newest = candidate.fitted_last
        age = (type(self).clock() - int(newest.astype(np.int64))) / DAY
        passed = 0.0 <= age <= self.days
        reason = f"the newest bar that it was fitted to is of {str(newest)[:10]}, " + (
            f"{age:.0f} days ago; at most {self.days:g} are allowed"
            if age >= 0.0
            else "which is still to come"
        )
        return Verdict(self.name, passed, age, self.days, reason)
