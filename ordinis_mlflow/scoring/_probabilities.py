"""Checked probabilities, and checked events that they were given for."""

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring._vectors import Vector, vectors


def probabilities(least: int = 0, **named: npt.ArrayLike) -> Vector:
    """Give the one named argument as (n,) float64 in [0, 1], n >= `least`.

    Raises:
        InvalidConfig: A value is outside [0, 1] or not finite, or there are too few.
    """
    ((name, _),) = named.items()
    (values,) = vectors(least, **named)
    bad = np.flatnonzero((values < 0) | (values > 1))
    if bad.size:
        raise InvalidConfig(
            f"{name} must be probabilities in [0, 1], got {values.min()} to {values.max()} "
            f"({bad.size} outside); pass probabilities, not scores or percentages"
        )
    return values


def events(
    probability: npt.ArrayLike, happened: npt.ArrayLike, least: int = 0
) -> tuple[Vector, Vector]:
    """Give (n,) probabilities and (n,) events as 0.0 or 1.0, n >= `least`.

    Raises:
        InvalidConfig: As `probabilities`; also an event that is not 0 or 1, or different lengths.
    """
    probability, happened = vectors(least, probability=probability, happened=happened)
    bad = np.flatnonzero((happened != 0) & (happened != 1))
    if bad.size:
        raise InvalidConfig(
            f"happened must be 0 or 1, but value {int(bad[0])} is {happened[bad[0]]} "
            f"({bad.size} such values); pass realised > 0, not the return"
        )
    return probabilities(probability=probability), happened


def events_of_both_kinds(
    probability: npt.ArrayLike, happened: npt.ArrayLike, least: int
) -> tuple[Vector, Vector]:
    """Give what `events` gives, with some that came and some that did not.

    Raises:
        InvalidConfig: As `events`; also events of one kind only.
    """
    probability, happened = events(probability, happened, least)
    if happened.min() == happened.max():
        raise InvalidConfig(
            f"reliability needs events that came and others that did not, got {happened.size} "
            f"times {happened[0]:g}; give more rows, or use brier_score"
        )
    return probability, happened
