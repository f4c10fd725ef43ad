"""Signal: what a model says about each window of bars."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pandas as pd


@dataclass(frozen=True, eq=False)
class Signal:
    """One forecast a window; each field has shape (windows,).

    Attributes:
        mean: location of the forecast log return over the horizon.
        scale: Student-t scale of the forecast log return over the horizon (not its standard
            deviation, which is scale·√(ν / (ν − 2))).
        probability_up: probability of a positive return.
        direction: -1, 0 or 1; 0 inside the no-trade band that the contract states.
        strength: 0 to 1, |2·probability_up − 1|.
    """

    mean: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    probability_up: npt.NDArray[np.float32]
    direction: npt.NDArray[np.int64]
    strength: npt.NDArray[np.float32]

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The fields' names, in order: also the names of the graph's outputs."""
        return _NAMES

    @classmethod
    def concatenate(cls, parts: "list[Signal]") -> "Signal":
        """Signals one after another, in order."""
        return cls(*(np.concatenate([getattr(part, n) for part in parts]) for n in cls.names()))

    def rows(self, first: int, last: int) -> "Signal":
        """The signals from ``first`` up to, but without, ``last``."""
        return Signal(*(getattr(self, name)[first:last] for name in self.names()))

    def __len__(self) -> int:
        return len(self.mean)

    def columns(self) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
        """Name and values of each field."""
        return ((name, getattr(self, name)) for name in self.names())

    def records(self) -> list[dict[str, float | int]]:
        """One record a window, of plain Python numbers."""
        names = self.names()
        rows = zip(*(values.tolist() for _, values in self.columns()), strict=True)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def to_frame(self) -> pd.DataFrame:
        """One row a window."""
        return pd.DataFrame(dict(self.columns()))


_NAMES = tuple(field.name for field in fields(Signal))  # asked for several times a request


def largest_difference(signal: Signal, reference: Signal) -> float:
    """Largest difference between two signals of the same windows, in units of the score.

    The maximum over all windows of |Δmean| / scale, |Δscale| / scale, |Δprobability_up| and
    |Δstrength|, with the scale of the reference. NaN on either side counts as infinite.
    """
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        worst = np.max(np.abs(_gaps(signal, reference)))
    return float(worst) if np.isfinite(worst) else float("inf")


def _gaps(signal: Signal, reference: Signal) -> list[npt.NDArray[np.float32]]:
    return [
        (signal.mean - reference.mean) / reference.scale,
        (signal.scale - reference.scale) / reference.scale,
        signal.probability_up - reference.probability_up,
        signal.strength - reference.strength,
    ]
