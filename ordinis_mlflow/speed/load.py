"""Load: which runs of a model are measured, as a server would ask for them."""

from dataclasses import dataclass

from ordinis_mlflow.errors import InvalidConfig


@dataclass(frozen=True)
class Step:
    """Runs of one size, one after the other, by one caller.

    Attributes:
        windows: of each run.
        calls: in a round.
        whole: in one piece on the calling thread, as a server runs what small requests share.

    Raises:
        InvalidConfig: a number is not above zero.
    """

    windows: int
    calls: int
    whole: bool = False

    def __post_init__(self) -> None:
        if self.windows < 1 or self.calls < 1:
            raise InvalidConfig(
                f"windows and calls must be 1 or more, got {self.windows} and {self.calls}"
            )


SERVED = (Step(1, 100, whole=True), Step(8, 20, whole=True), Step(64, 6), Step(500, 1))
"""A round takes about a tenth of a second. Of fewer than a hundred calls p99 is the longest."""


@dataclass(frozen=True)
class Load:
    """What one round runs.

    Attributes:
        steps: in their order, each of another size.
        settle_s: longest pause before each step, which ends as soon as this process rests: threads
            of what ran before may still spin (ONNX Runtime's own do for some 50 milliseconds) and
            would slow what comes next.

    Raises:
        InvalidConfig: there are no steps, or two of one size.
    """

    steps: tuple[Step, ...] = SERVED
    settle_s: float = 0.25

    def __post_init__(self) -> None:
        sizes = [step.windows for step in self.steps]
        if not sizes or len(set(sizes)) < len(sizes):
            raise InvalidConfig(f"a load has steps of different sizes, got {sizes}")
        if not 0.0 <= self.settle_s < 1.0:
            raise InvalidConfig(f"settle_s must be in [0, 1), got {self.settle_s}")
