"""Experiment: a second version beside the champion, unseen or with a share of the answers."""

from dataclasses import dataclass

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.serving.source import Source
from ordinis_mlflow.serving.split import Split

SHADOW, SPLIT = "shadow", "split"
ARMS = {SHADOW: "shadow", SPLIT: "challenger"}
"""What the second version is called in metrics and in the prediction log."""


@dataclass(frozen=True)
class Experiment:
    """What is asked of a second version.

    Attributes:
        challenger: any URI of MLflow, usually ``models:/<name>@challenger``, which is followed when
            the alias moves; None for no experiment.
        mode: ``shadow``: the champion answers, and the challenger is asked the same afterwards;
            ``split``: the challenger answers a share of the symbols (A/B).
        share: of symbols, or of requests where symbols are not known, that the challenger answers.
        salt: draws that share. By default the challenger's URI as it is set: all processes draw
            alike whatever version each has loaded, and a symbol changes hands neither during a
            reload nor because the alias moved. A new experiment on fresh symbols states a new one.
        shadow_windows: most windows that may wait for the challenger; more are not asked.

    Raises:
        InvalidConfig: a value is outside its range.
    """

    challenger: str | None = None
    mode: str = SHADOW
    share: float = 0.1
    salt: str | None = None
    shadow_windows: int = 4096

    def __post_init__(self) -> None:
        if self.mode not in ARMS:
            raise InvalidConfig(f"mode must be one of {', '.join(ARMS)}, got {self.mode!r}")
        if not 0.0 <= self.share <= 1.0:
            raise InvalidConfig(f"share must be in [0, 1], got {self.share!r}")
        if self.shadow_windows < 1:
            raise InvalidConfig(f"shadow_windows must be above 0, got {self.shadow_windows!r}")
        if self.challenger == "" or self.salt == "":
            raise InvalidConfig("challenger and salt must not be empty: leave out what is not set")

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where the second version comes from; none for no experiment."""
        return (Source(ARMS[self.mode], self.challenger),) if self.challenger else ()

    @property
    def shadows(self) -> bool:
        """Whether a challenger is asked unseen."""
        return self.challenger is not None and self.mode == SHADOW

    @property
    def splits(self) -> bool:
        """Whether a challenger answers a share."""
        return self.challenger is not None and self.mode == SPLIT

    @property
    def split(self) -> Split:
        """Which symbols or requests are the challenger's."""
        return Split(self.share, self.salt or self.challenger or "")
