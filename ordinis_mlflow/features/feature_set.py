"""FeatureSet: a named, versioned list of features, and the fingerprint of what it computes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.features.feature import BarArrays, Feature
from ordinis_mlflow.features.kernels import Array
from ordinis_mlflow.features.probe_bars import probe_bars
from ordinis_mlflow.features.windowed import History, Windowed

PROBE_BARS = 512
"""Bars that a fingerprint is taken on; no feature may look back further."""
PROBE_ROWS = 8
"""How many rows of each feature the fingerprint holds, the newest."""
FINGERPRINT_TOLERANCE = 1e-9
"""Relative difference that another order of the same arithmetic may make."""
SHORT = 21
"""Features that look back no further share one slice of the bars; the others are given them all."""


@dataclass(frozen=True)
class Fingerprint:
    """What a feature set computes on the probe bars: it changes with the result, not the source.

    Attributes:
        values: feature name to its newest rows on :func:`probe_bars`, oldest first.
    """

    values: Mapping[str, tuple[float, ...]]

    def differences(self, other: "Fingerprint") -> dict[str, float]:
        """Which features differ and by how much, relative to the larger value.

        Returns:
            Feature name to the largest relative difference, only where it is not within
            :data:`FINGERPRINT_TOLERANCE`; infinity for a feature that one of the two lacks.
        """
        names = [*self.values, *(name for name in other.values if name not in self.values)]
        gaps = {name: _gap(self.values.get(name), other.values.get(name)) for name in names}
        return {name: gap for name, gap in gaps.items() if not gap <= FINGERPRINT_TOLERANCE}

    def matches(self, other: "Fingerprint") -> bool:
        """Whether both are of the same features in the same order, equal within the tolerance."""
        return list(self.values) == list(other.values) and not self.differences(other)


@dataclass(frozen=True)
class FeatureSet:
    """A named, versioned list of features.

    Raises:
        InvalidConfig: no features, a name twice, or a look-back beyond the probe bars.
    """

    name: str
    version: int
    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        names = [feature.name for feature in self.features]
        if not names or len(set(names)) != len(names):
            raise InvalidConfig(
                f"feature set {self.name!r} needs features, and each name once, got {names}"
            )
        if self.lookback > PROBE_BARS - PROBE_ROWS + 1:
            raise InvalidConfig(
                f"feature set {self.name!r} looks back {self.lookback} bars, more than the "
                f"{PROBE_BARS - PROBE_ROWS + 1} that its fingerprint can be taken on"
            )

    @property
    def key(self) -> str:
        """``name@version``, by which contracts and parameters name it."""
        return f"{self.name}@{self.version}"

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names, in the order of their columns."""
        return tuple(feature.name for feature in self.features)

    @property
    def lookback(self) -> int:
        """How many bars one row reads, its own included: the longest of its features."""
        return max(feature.lookback for feature in self.features)

    def compute(self, bars: BarArrays, windowed: Windowed) -> Array:
        """All features, for every row whose look-back lies within the bars.

        Args:
            bars: columns of shape (..., time), with time ≥ ``lookback``.
            windowed: the primitives' implementation for this place.

        Returns:
            Shape (..., time - lookback + 1, features).
        """
        rows = bars.close.shape[-1] - self.lookback + 1
        reaches = [self._reach(feature) for feature in self.features]
        given = {reach: bars.newest(rows + reach - 1) for reach in set(reaches)}
        columns = [
            feature.compute(given[reach], windowed)[..., -rows:]
            for feature, reach in zip(self.features, reaches, strict=True)
        ]
        # Joined along time and then split: one node in a graph, where stacking takes one a column.
        xp = array_namespace(bars.close)
        joined = xp.concat(columns, axis=-1)
        shape = (*joined.shape[:-1], len(columns), rows)
        return xp.matrix_transpose(xp.reshape(joined, shape))

    def _reach(self, feature: Feature) -> int:
        """Bars given to a feature, at least its look-back: two lengths, so that a graph shares."""
        return min(SHORT, self.lookback) if feature.lookback <= SHORT else self.lookback

    def history(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Features of one symbol's history.

        Args:
            values: shape (bars, 5).

        Returns:
            Shape (bars, features); the first ``lookback - 1`` rows are NaN.
        """
        table = np.full((len(values), len(self.features)), np.nan)
        if len(values) >= self.lookback:
            table[self.lookback - 1 :] = self.compute(BarArrays.of(values), History())
        return table

    def fingerprint(self) -> Fingerprint:
        """What this set computes on the probe bars."""
        table = self.history(probe_bars(PROBE_BARS))[-PROBE_ROWS:]
        columns = zip(self.names, table.T, strict=True)
        return Fingerprint({name: tuple(map(float, column)) for name, column in columns})


def _gap(left: tuple[float, ...] | None, right: tuple[float, ...] | None) -> float:
    if left is None or right is None or len(left) != len(right):
        return float("inf")
    a, b = np.asarray(left), np.asarray(right)
    scale = max(float(np.max(np.abs(a))), float(np.max(np.abs(b))), 1e-12)
    return float(np.max(np.abs(a - b))) / scale
