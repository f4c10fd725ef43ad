"""DriftReference: fitted at training, kept with the model version, checked in a millisecond.

Asks one thing of every column: does the newest window lie further from the reference than the
reference's own windows lie from the rest of it? Columns are features that the model reads, and
whatever else is known without outcomes, such as the model's own outputs (prediction drift). They
must be stationary: price levels and raw volume drift by nature.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.drift.archive import pack, unpack
from ordinis_mlflow.drift.check import DriftCheck, Expected, Seen, decide
from ordinis_mlflow.drift.distance import blocks, normed_wasserstein
from ordinis_mlflow.drift.limits import prediction_limits, window_distances
from ordinis_mlflow.drift.rules import FitSettings, named_table, refuse_reference
from ordinis_mlflow.drift.transform import Stabiliser
from ordinis_mlflow.errors import InvalidDriftReference

Array = npt.NDArray[np.float64]

FORMAT = 1
"""Of the archive. To change it: add one, keep reading the old ones, pin their bytes in a test."""
ARRAYS = frozenset({"ordered", "limits", "stands_still", "logarithmic", "center", "scale"})


@dataclass(frozen=True, eq=False)
class DriftReference:
    """What the columns are like while nothing drifts.

    Attributes:
        columns: names, each once.
        window: rows that are judged at a check.
        alpha: probability of a false alarm at a check, all columns together.
        ordered: shape (columns, rows), the reference's values in the columns' own units, each row
            ascending.
        stabiliser: the monotone maps under which distances are taken.
        limits: shape (columns,), of the distances; 0 for a column that is constant in the
            reference, so that any other value is drift.
        stands_still: shape (columns,), bool; whether a column holds one value throughout some
            window of the reference. A column that never did is not judged while it does: a source
            that repeats its last value is no market.

    Raises:
        InvalidDriftReference: shapes do not fit, a name comes twice, a number is not finite.
    """

    columns: tuple[str, ...]
    window: int
    alpha: float
    ordered: Array
    stabiliser: Stabiliser
    limits: Array
    stands_still: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        refuse_reference(
            self.columns, self.window, self.alpha, self.ordered, self._floats(), self._flags()
        )

    @classmethod
    def fit(
        cls,
        table: Array,
        columns: Sequence[str],
        *,
        window: int = 60,
        alpha: float = 0.05,
        stride: int = 5,
        embargo: int = 20,
        least_windows: int = 8,
    ) -> "DriftReference":
        """Learn the maps and the limits from rows on which nothing drifts.

        Args:
            table: shape (rows, columns), float64, finite, in time order.
            columns: their names.
            window: rows of a check, at least 2. It takes about a window until a change shows: 60
                daily bars see a change sooner than 120 do, at the same false alarms.
            alpha: probability of a false alarm at a check, all columns together.
            stride: rows from one window of the reference to the next.
            embargo: rows at each side of a window that are not compared with it; about what the
                features look back.
            least_windows: how many windows must fit beside each other, 4 or more. The fewer there
                are, the wider the limits: they hold, and see little.

        Raises:
            InvalidConfig: a setting is outside its range.
            InvalidDriftReference: too few rows, a value that is not finite or out of range, a
                name twice.
        """
        window = operator.index(window)
        settings = FitSettings(window, alpha, stride, embargo, least_windows)
        table = named_table(table, columns)
        settings.refuse_rows(table)
        maps = Stabiliser.fit(table)
        limits, varies = np.zeros(table.shape[1]), np.flatnonzero(_varies(table))
        if varies.size:
            values = maps.take(varies).apply(table[:, varies])
            distances = window_distances(values, window, stride, embargo)
            limits[varies] = prediction_limits(distances, len(table) / window, alpha)
        ordered = np.sort(np.ascontiguousarray(table.T), axis=1)
        still = _stands_still(table, window)
        return cls(tuple(columns), window, alpha, ordered, maps, limits, still)

    @cached_property
    def stabilised(self) -> Array:
        """The reference under the maps: shape (columns, rows), each row ascending."""
        return np.ascontiguousarray(self.stabiliser.apply(self.ordered.T).T)

    @cached_property
    def spread(self) -> Array:
        """Standard deviations of :attr:`stabilised`, shape (columns,)."""
        return np.asarray(self.stabilised.std(axis=1))

    def check(self, table: Array, columns: Sequence[str]) -> DriftCheck:
        """Judge the latest ``window`` rows; whatever the data are like, there is an answer.

        Args:
            table: shape (rows, columns), float64, in time order; rows before the window are not
                read.
            columns: their names, in any order.

        Raises:
            InvalidConfig: the table is not of numbers, or not of as many columns as names, or a
                name comes twice.
        """
        recent = named_table(table, columns)[-self.window :]
        place = {name: at for at, name in enumerate(columns)}
        known = [at for at, name in enumerate(self.columns) if name in place]
        seen = dict(zip(known, self._look(recent, place, known), strict=True))
        expected = [(self._expected(at), seen.get(at)) for at in range(len(self.columns))]
        own = set(self.columns)
        return decide(expected, [name for name in columns if name not in own])

    def _expected(self, at: int) -> Expected:
        least, most = self.ordered[at, [0, -1]]
        return Expected(
            self.columns[at],
            self.window,
            float(self.limits[at]),
            float(least) if least == most else None,
            bool(self.stands_still[at]),
        )

    def _look(self, table: Array, place: dict[str, int], known: list[int]) -> list[Seen]:
        """At the columns that both have, a few at a time, so that they stay in cache."""
        if len(table) < self.window:
            return [Seen(len(table))] * len(known)
        own = np.array(known, dtype=np.intp)
        theirs = np.array([place[self.columns[at]] for at in known], dtype=np.intp)
        parts = blocks(len(known), len(table))
        return [seen for part in parts for seen in self._measure(table[:, theirs[part]], own[part])]

    def _measure(self, table: Array, own: npt.NDArray[np.intp]) -> list[Seen]:
        usable = np.isfinite(table)
        finite = usable.sum(axis=0)
        table = np.where(usable, table, np.nan)
        still = np.fmin.reduce(table, axis=0) == np.fmax.reduce(table, axis=0)
        values = self.stabiliser.take(own).apply(table)
        ordered = np.sort(np.ascontiguousarray(values.T), axis=1)  # NaN comes last
        distance = np.full(len(own), np.nan)
        for count in np.unique(finite[finite > 0]):
            these = finite == count
            reference, spread = self.stabilised[own[these]], self.spread[own[these]]
            distance[these] = normed_wasserstein(reference, ordered[these, :count], spread)
        figures = zip(finite.tolist(), still.tolist(), distance.tolist(), strict=True)
        return [Seen(len(table), *each) for each in figures]

    def to_bytes(self) -> bytes:
        """An .npz archive of plain arrays; the same reference gives the same bytes."""
        about = {
            "format": FORMAT,
            "columns": self.columns,
            "window": self.window,
            "alpha": self.alpha,
        }
        return pack(about, {"ordered": self.ordered, **self._floats(), **self._flags()})

    @classmethod
    def from_bytes(cls, content: bytes) -> "DriftReference":
        """Read what :meth:`to_bytes` wrote; nothing in it can run code.

        Raises:
            InvalidDriftReference: not a drift reference, or one of a later format.
        """
        about, arrays = unpack(content, ARRAYS)
        if about.keys() != {"format", "columns", "window", "alpha"} or about["format"] != FORMAT:
            raise InvalidDriftReference(
                f"this version reads drift references of format {FORMAT}, got {str(about)[:200]}"
            )
        if not isinstance(about["columns"], list):
            raise InvalidDriftReference("the columns of a drift reference are a list of names")
        maps = Stabiliser(arrays["logarithmic"], arrays["center"], arrays["scale"])
        return cls(
            tuple(about["columns"]),
            about["window"],
            about["alpha"],
            arrays["ordered"],
            maps,
            arrays["limits"],
            arrays["stands_still"],
        )

    def _floats(self) -> dict[str, Array]:
        maps = self.stabiliser
        return {"limits": self.limits, "center": maps.center, "scale": maps.scale}

    def _flags(self) -> dict[str, npt.NDArray[np.bool_]]:
        return {"stands_still": self.stands_still, "logarithmic": self.stabiliser.logarithmic}


def _varies(table: Array) -> npt.NDArray[np.bool_]:
    return np.asarray(table.min(axis=0) < table.max(axis=0))


def _stands_still(table: Array, window: int) -> npt.NDArray[np.bool_]:
    """Whether each column holds one value throughout some window."""
    moves = np.cumsum(table != np.concatenate([table[:1], table[:-1]]), axis=0)
    return np.asarray((moves[window - 1 :] == moves[: len(moves) - window + 1]).any(axis=0))
