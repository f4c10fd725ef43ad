"""RetrainPolicy: what must have happened before a model is trained anew, and how often it may."""

from dataclasses import dataclass, fields

from ordinis_mlflow.errors import InvalidConfig


@dataclass(frozen=True)
class RetrainPolicy:
    """What triggers, and what holds it back.

    Attributes:
        gap_bars: fewest bars between two alarms that confirm each other: nearer ones saw nearly the
            same window.
        within_bars: most bars between them.
        max_age_days: of the newest bar that was known when the champion was trained; an older
            champion is trained anew whatever the monitor says.
        cooldown_bars: after a retraining; the window of the drift check has to fill with new bars.
        most_retrains: in ``period_days``; age does not count them.
        period_days: over which they are counted.
        breaker: so many challengers rejected or failed one after another open the circuit: what is
            trained is not better, and somebody has to look.

    Raises:
        InvalidConfig: a figure is not above zero, or ``within_bars`` is below ``gap_bars``.
    """

    gap_bars: int = 21
    within_bars: int = 63
    max_age_days: float = 365.0
    cooldown_bars: int = 60
    most_retrains: int = 6
    period_days: float = 365.0
    breaker: int = 3

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not 0 < value < float("inf"):
                raise InvalidConfig(f"{each.name} must be above 0, got {value!r}")
        if self.within_bars < self.gap_bars:
            raise InvalidConfig(
                f"within_bars must be gap_bars or more, got {self.within_bars} and {self.gap_bars}"
            )
