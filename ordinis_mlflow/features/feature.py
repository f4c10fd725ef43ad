"""Feature: one named number per bar, written once for history and for the served graph."""

from collections.abc import Callable
from dataclasses import dataclass, fields

from ordinis_mlflow.features.kernels import Array
from ordinis_mlflow.features.windowed import Windowed


@dataclass(frozen=True)
class BarArrays:
    """The five columns of one or more windows of bars, each of shape (..., time), oldest first."""

    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array

    @classmethod
    def of(cls, values: Array) -> "BarArrays":
        """From an array of shape (..., time, 5), columns open, high, low, close, volume."""
        return cls(*(values[..., column] for column in range(5)))

    def newest(self, n: int) -> "BarArrays":
        """The newest ``n`` bars."""
        columns = (getattr(self, field.name) for field in fields(self))
        return BarArrays(*(column[..., column.shape[-1] - n :] for column in columns))


@dataclass(frozen=True)
class Feature:
    """A pure function of the last ``lookback`` bars.

    Attributes:
        name: in snake case, with its windows in bars.
        lookback: how many bars a row reads, its own included.
        unit: of the value.
        formula: for people; docs/features.md explains its letters.
        source: who defined it, and when.
        compute: bars of shape (..., time) to rows of shape (..., time - lookback + 1), or more.
    """

    name: str
    lookback: int
    unit: str
    formula: str
    source: str
    compute: Callable[[BarArrays, Windowed], Array]
