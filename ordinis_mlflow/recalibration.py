"""Recalibration: a monotone map of probability_up, fitted on validation rows, run in the graph.

Floor 1. The map is written against the array API: NumPy runs it in evaluation, torch traces it into
the served graph. It works on the lean, P − ½, in which float32 keeps its precision around the one
probability that decides a direction. The fits use NumPy and SciPy.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace
from scipy import optimize, special

from ordinis_mlflow.errors import InvalidConfig

Array: TypeAlias = Any  # numpy.ndarray or torch.Tensor
Vector: TypeAlias = npt.NDArray[np.float64]
Method: TypeAlias = Literal["none", "platt", "isotonic"]

SURE = 1e-3
"""A claim above 99.9 % is read as 99.9 %, and none is made: validation rows number hundreds, and in
float32 the log odds of a probability nearer to 1 are mostly rounding."""
MOST_SLOPE = 10.0
"""No fit magnifies differences of probability more than this: what rounding differs by between two
runtimes is magnified as well, and must stay far below the graph's parity limit."""
LEAST_SLOPE = 1e-2  # Platt's: signals keep their order
MOST_BINS, ROWS_A_BIN = 10, 20
LEAST_GAP = 1e-5
"""Knots are farther apart: nearer ones are one to float32."""
LEAST_SPREAD = 1e-4
"""Probabilities that differ by less are constant."""


@dataclass(frozen=True)
class Recalibration:
    """How a probability is corrected.

    - ``none``: not at all; no parameters.
    - ``platt``: σ(slope · logit(p) + intercept); parameters (slope, intercept), slope > 0 (Platt
      1999, Probabilistic outputs for support vector machines).
    - ``isotonic``: straight lines through knots, constant outside of them; parameters
      (x[0], ..., x[m], y[0], ..., y[m]), x ascending, y rising somewhere and descending nowhere.

        >>> Recalibration("platt", (0.5, 0.0)).apply(np.array([0.5, 0.9])).round(6).tolist()
        [0.5, 0.75]
        >>> Recalibration("isotonic", (0.4, 0.6, 0.45, 0.5)).apply(np.array([0.1, 0.5])).tolist()
        [0.45, 0.475]

    Attributes:
        method: which map.
        parameters: as above.

    Raises:
        InvalidConfig: unknown method, or parameters that make no increasing map of probabilities.
    """

    method: Method = "none"
    parameters: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise InvalidConfig(
                f"method must be one of {get_args(Method)}, got {self.method!r}; leave it out for "
                "no recalibration"
            )
        object.__setattr__(self, "parameters", tuple(map(float, self.parameters)))
        fault = self._fault()
        if fault:
            raise InvalidConfig(f"recalibration {self.method!r} {fault}, got {self.parameters}")

    def __str__(self) -> str:
        figures = ", ".join(f"{each:.4g}" for each in self.parameters)
        return f"{self.method}({figures})" if figures else self.method

    def apply(self, probability: Array) -> Array:
        """The corrected probabilities, in [0, 1] and of the type that came."""
        return self.lean(probability - 0.5) + 0.5

    def lean(self, lean: Array) -> Array:
        """The same for P − ½: shape (windows,), from [−½, ½] to [−½, ½]."""
        if self.method == "platt":
            return self._platt(lean)
        return self._isotonic(lean) if self.method == "isotonic" else lean

    def _platt(self, lean: Array) -> Array:
        """½ tanh(slope · atanh(2 lean) + intercept / 2): the sigmoid of the log odds, around ½."""
        xp = array_namespace(lean)
        slope, intercept = self.parameters
        most = 0.5 - SURE
        half_odds = xp.atanh(2.0 * xp.minimum(xp.maximum(lean, -most), most))
        return 0.5 * xp.tanh(slope * half_odds + 0.5 * intercept)

    def _isotonic(self, lean: Array) -> Array:
        """y[0] + Σ slope[i] · clip(lean − x[i], 0, x[i + 1] − x[i]): nothing is looked up."""
        xp = array_namespace(lean)
        x, y = np.asarray(self.parameters).reshape(2, -1) - 0.5
        starts, widths, slopes = (
            xp.asarray(each.tolist(), dtype=lean.dtype)
            for each in (x[:-1], np.diff(x), np.diff(y) / np.diff(x))
        )
        way = xp.minimum(xp.maximum(lean[:, None] - starts, 0.0), widths)
        return way @ slopes + float(y[0])

    def _fault(self) -> str:
        """Which rule the parameters break; "" if none."""
        count = len(self.parameters)
        if not all(map(math.isfinite, self.parameters)):
            return "needs finite parameters"
        if self.method == "none":
            return "has no parameters" if count else ""
        if self.method == "platt":
            increasing = count == 2 and self.parameters[0] > 0
            return "" if increasing else "needs a slope above 0 and an intercept"
        x, y = self.parameters[: count // 2], self.parameters[count // 2 :]
        if count < 4 or count % 2:
            return "needs two or more knots and as many levels"
        if not all(np.diff(x) > 0) or not all(np.diff(y) >= 0) or y[0] == y[-1]:
            return "needs ascending knots, and levels that rise and never descend"
        within = all(SURE <= each <= 1.0 - SURE for each in self.parameters)
        return "" if within else f"needs knots and levels from {SURE} to {1.0 - SURE}"


NONE = Recalibration()


def fit_platt(probability: npt.ArrayLike, happened: npt.ArrayLike) -> Recalibration:
    """The slope and intercept under which the outcomes are likeliest.

    The outcomes count as (n₁ + 1) / (n₁ + 2) and 1 / (n₀ + 2) instead of 1 and 0 (Platt 1999), so
    that an optimum exists however well the probabilities separate them. The slope is kept from 0.01
    to 10.

    Args:
        probability: (n,) of the event.
        happened: (n,) whether it did, both true and false somewhere.

    Raises:
        InvalidConfig: the arrays are not usable, or hold nothing to fit to.
    """
    p, outcome = _checked(probability, happened)
    odds = special.logit(p)
    middle, spread = float(odds.mean()), float(odds.std())
    z, ups = (odds - middle) / spread, float(outcome.sum())
    target = np.where(outcome, (ups + 1.0) / (ups + 2.0), 1.0 / (len(p) - ups + 2.0))
    bounds = [(LEAST_SLOPE * spread, MOST_SLOPE * spread), (None, None)]

    def loss(parameters: Vector) -> tuple[float, Vector]:
        score = parameters[0] * z + parameters[1]
        error = special.expit(score) - target
        value = float(np.mean(np.logaddexp(0.0, score) - target * score))
        return value, np.array([np.mean(error * z), np.mean(error)])

    start = np.array([np.clip(spread, *bounds[0]), middle])
    options = {"ftol": 1e-15, "gtol": 1e-10}
    found = optimize.minimize(loss, start, jac=True, bounds=bounds, options=options).x
    slope = float(found[0]) / spread
    return Recalibration("platt", (slope, float(found[1]) - slope * middle))


def fit_isotonic(probability: npt.ArrayLike, happened: npt.ArrayLike) -> Recalibration:
    """Pooled frequencies, joined by straight lines: centred isotonic regression.

    After Oron & Flournoy (2017, Centered isotonic regression), with few knots. The line is drawn
    towards the diagonal by the share that minimises the squared error, which is therefore never
    above that of the probabilities as they came.

    Args:
        probability: (n,) of the event.
        happened: (n,) whether it did, both true and false somewhere.

    Raises:
        InvalidConfig: the arrays are not usable, or hold nothing to fit to; also if the frequencies
            do not rise with the probabilities: one level for all would be the end of the signal.
    """
    p, outcome = _checked(probability, happened)
    centres, levels = _without_steps(*pooled(p, outcome))
    lowest, highest = p.min(), p.max()  # which a rounded mean may overstep
    x = np.clip(np.concatenate([[lowest], centres, [highest]]), lowest, highest)
    y = np.clip(np.concatenate([levels[:1], levels, levels[-1:]]), SURE, 1.0 - SURE)
    apart = np.concatenate([[True], np.diff(x) > LEAST_GAP])
    x, y = x[apart], y[apart]
    gap = np.interp(p, x, y) - p
    share = float(np.clip(gap @ (outcome - p) / max(gap @ gap, 1e-300), 0.0, 1.0))
    mixed = np.maximum.accumulate((1.0 - share) * x + share * y)  # rounding must not descend
    if mixed[-1] - mixed[0] < LEAST_SPREAD:
        raise InvalidConfig(
            f"the event is no more frequent where its probability is higher, in {len(p)} rows: no "
            "map is ascending; train a forecast that ranks outcomes"
        )
    return Recalibration("isotonic", (*x.tolist(), *np.clip(mixed, SURE, 1.0 - SURE).tolist()))


def pooled(probability: Vector, happened: Vector) -> tuple[Vector, Vector, Vector]:
    """Frequencies that do not descend: pool adjacent violators over bins of about as many rows.

    Least squares among ascending frequencies (Ayer et al. 1955): level i is the largest, over bins
    j ≤ i, of the least mean of bins j to k ≥ i.

    Args:
        probability: (n,) of the event.
        happened: (n,) 1 where it did, 0 where not.

    Returns:
        Mean probability, frequency and number of rows of each block, ascending.
    """
    order = np.argsort(probability, kind="stable")
    pairs = np.stack([probability, happened, np.ones_like(probability)], axis=1)[order]
    count = int(np.clip(len(order) // ROWS_A_BIN, 1, MOST_BINS))
    number = np.searchsorted(pairs[:, 0], pairs[:, 0]) * count // len(order)  # one for all ties
    bins = np.add.reduceat(pairs, np.flatnonzero(np.diff(number, prepend=-1)))
    pools = optimize.isotonic_regression(bins[:, 1] / bins[:, 2], weights=bins[:, 2]).blocks[:-1]
    sums = np.add.reduceat(bins, pools)
    return sums[:, 0] / sums[:, 2], sums[:, 1] / sums[:, 2], sums[:, 2]


def _without_steps(centres: Vector, levels: Vector, weights: Vector) -> tuple[Vector, Vector]:
    """Blocks joined, the steepest first, until no line between two is steeper than allowed."""
    while len(levels) > 1:
        excess = np.diff(levels) - MOST_SLOPE * (np.diff(centres) - LEAST_GAP)
        i = int(np.argmax(excess))
        if excess[i] < 0:
            break
        for values in (centres, levels):
            values[i] = np.average(values[i : i + 2], weights=weights[i : i + 2])
        weights[i] += weights[i + 1]
        centres, levels, weights = (np.delete(each, i + 1) for each in (centres, levels, weights))
    return centres, levels


def _checked(probability: npt.ArrayLike, happened: npt.ArrayLike) -> tuple[Vector, Vector]:
    """(n,) each: probabilities as the maps read them, and 1 or 0 for what happened."""
    p, outcome = np.asarray(probability, np.float64), np.asarray(happened, np.float64)
    if p.ndim != 1 or p.shape != outcome.shape:
        shapes = f"shapes {p.shape} and {outcome.shape}"
        raise InvalidConfig(f"a fit needs one-dimensional arrays of one length, got {shapes}")
    if not ((p >= 0.0) & (p <= 1.0) & np.isin(outcome, (0.0, 1.0))).all():
        raise InvalidConfig(
            "probability must be in [0, 1] and happened true or false, each without missing "
            "values; drop other rows first"
        )
    clipped: Vector = np.clip(p, SURE, 1.0 - SURE)
    if np.ptp(outcome) == 0 or np.ptp(clipped) < LEAST_SPREAD:
        raise InvalidConfig(
            f"there is nothing to fit to in {len(p)} rows: the event must happen in some, not in "
            f"others, and probabilities must differ by {LEAST_SPREAD} or more; give more rows"
        )
    return clipped, outcome
