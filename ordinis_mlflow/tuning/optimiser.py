"""Optimiser: the protocol between what proposes configurations and what measures them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.params import Configuration, Space


@dataclass(frozen=True)
class Objective:
    """A number that is measured, and which way is better.

    Attributes:
        name: of the number, with its unit where it has one: ``sharpe_annual``, ``p99_ms``.
        direction: ``maximize`` or ``minimize``.

    Raises:
        InvalidConfig: the name is empty, or the direction is neither.
    """

    name: str
    direction: Literal["maximize", "minimize"] = "maximize"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InvalidConfig(f"an objective needs a name, got {self.name!r}")
        if self.direction not in ("maximize", "minimize"):
            raise InvalidConfig(
                f"direction of {self.name} must be maximize or minimize, got {self.direction!r}"
            )


@dataclass(frozen=True)
class Suggestion:
    """A configuration to measure.

    Attributes:
        number: of the trial in its study; numbers grow, with gaps.
        configuration: what to measure.
        retry_of: number of the trial whose worker died, if this one tries its configuration again.
    """

    number: int
    configuration: Configuration
    retry_of: int | None = None


@dataclass(frozen=True)
class Failed:
    """The configuration could not be measured; it is not suggested again.

    Attributes:
        reason: for people.
    """

    reason: str


@dataclass(frozen=True)
class Pruned:
    """The trial was stopped early, because a report said that it is not worth going on."""


Outcome: TypeAlias = Mapping[str, float] | Failed | Pruned
"""Values by the objectives' names, or why there are none."""


class Optimiser(Protocol):
    """Suggests configurations and learns from what they are worth.

    ``tests/contracts/optimiser_suite.py`` says what every optimiser must do.
    """

    space: Space
    objectives: Sequence[Objective]

    def suggest(self) -> Suggestion | None:
        """The next configuration: one that was never suggested before, unless its worker died.

        Returns:
            None when every configuration of a finite space was suggested.
        """

    def report(self, suggestion: Suggestion, step: int, value: float) -> bool:
        """Tell how a trial is doing: one epoch, one fold.

        Args:
            suggestion: that is being measured.
            step: from 0 on, each once.
            value: of the one objective. Where there are several, nothing is pruned.

        Returns:
            Whether the trial should stop and be observed as Pruned.

        Raises:
            TrialLost: the suggestion is not, or no longer, open here.
            ObjectiveNotFinite: the value is nan or infinite; the trial is kept as failed.
        """

    def observe(self, suggestion: Suggestion, outcome: Outcome) -> None:
        """Tell what came of a suggestion; it is finished then.

        Raises:
            InvalidConfig: the values are not those of the objectives; the suggestion stays open.
            TrialLost: the suggestion is not, or no longer, open here.
            ObjectiveNotFinite: a value is nan or infinite; the trial is kept as failed.
        """
