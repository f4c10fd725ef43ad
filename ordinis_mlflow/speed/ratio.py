"""Ratio: the median of paired ratios, and how far it could be off."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidTelemetry

LEVEL, SAMPLES, SEED = 0.95, 1000, 0
LEAST = 5
"""Fewest pairs: of fewer, even all on one side of 1 are so by chance in one case of sixteen."""


@dataclass(frozen=True)
class Ratio:
    """How many times as much one thing is as another.

    Attributes:
        value: median over the rounds.
        low: end of the 95 % interval.
        high: its other end.
        rounds: pairs behind it.
    """

    value: float
    low: float
    high: float
    rounds: int

    @property
    def above(self) -> bool:
        """More than 1, beyond noise."""
        return self.low > 1.0

    @property
    def below(self) -> bool:
        """Less than 1, beyond noise."""
        return self.high < 1.0

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    @classmethod
    def of(cls, first: npt.ArrayLike, second: npt.ArrayLike) -> "Ratio":
        """First over second, pair by pair.

        The interval is the percentile bootstrap's (Efron & Tibshirani 1993, ch. 13): rounds are
        drawn with replacement, 1000 times, and the medians of the draws sorted. The same rounds
        always give the same interval.

        Args:
            first: of each round, above 0.
            second: of the same rounds, above 0.

        Raises:
            InvalidTelemetry: fewer than five pairs, or a value that is not finite and above 0.
        """
        above, below = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
        if above.ndim != 1 or above.shape != below.shape or above.size < LEAST:
            raise InvalidTelemetry(
                f"a ratio needs {LEAST} pairs or more, got shapes {above.shape} and {below.shape}"
            )
        both = np.concatenate([above, below])
        if not (np.isfinite(both) & (both > 0.0)).all():
            raise InvalidTelemetry("a ratio is of finite numbers above 0")
        ratios = above / below
        drawn = np.random.default_rng(SEED).integers(ratios.size, size=(SAMPLES, ratios.size))
        medians = np.median(ratios[drawn], axis=1)
        low, high = np.quantile(medians, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return cls(float(np.median(ratios)), float(low), float(high), ratios.size)
