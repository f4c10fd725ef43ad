"""Which of several forecasters is better, when many were tried; from `arch`.

A loss is lower when better: give the negative of a score. Rows are dates in time order. Both tests
resample dates by the stationary bootstrap with the automatic block length.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring._vectors import Vector, vectors
from ordinis_mlflow.scoring.bootstrap import LEAST, block_length, resample


@dataclass(frozen=True)
class SpaResult:
    """P-values of "no other forecaster is better than the benchmark".

    Attributes:
        p_lower: Others that are worse do not count at all: a lower bound.
        p_consistent: Others that are clearly worse do not count: the one to use.
        p_upper: All others count as if as good as the benchmark: an upper bound.
        best: Name of the other that leads most, in standard errors.
    """

    p_lower: float
    p_consistent: float
    p_upper: float
    best: str


def superior_predictive_ability(
    benchmark: npt.ArrayLike,
    others: npt.ArrayLike,
    names: Sequence[str],
    samples: int = 1000,
    seed: int = 0,
) -> SpaResult:
    """Hansen's (2005) test: is any of the others better than the benchmark?

    With d_k = benchmark - other_k and ω_k the bootstrap standard error of its mean, the statistic
    is max_k mean(d_k) / ω_k. `arch` takes the greatest mean as it is, so each d_k is divided by its
    ω_k before. Others that equal the benchmark at every date are left out: they cannot lead.

    Args:
        benchmark: (n,) losses, n >= 8.
        others: (n, k) losses of the others.
        names: (k,) distinct names of the others.
        samples: Number of resamples, positive.
        seed: Not negative.

    Returns:
        Three p-values. Small ones say that some other is better; 1.0 if all are equal, and about
        0.5 or more if none leads.

    Raises:
        InvalidConfig: Too few losses, one that is not finite, shapes that do not fit, a setting
            outside its range, or a loss that differs from the benchmark's by a constant.
    """
    from arch.bootstrap import SPA

    (benchmark,) = vectors(least=LEAST, benchmark=benchmark)
    losses = _checked(others, names, samples, seed, len(benchmark))
    lead = {name: benchmark - loss for name, loss in losses.items()}
    lead = {name: d for name, d in lead.items() if d.any()}
    for name, d in lead.items():
        _refuse_constant("the benchmark", name, d)
    if not lead:
        return SpaResult(1.0, 1.0, 1.0, names[0])
    block = block_length(*lead.values())
    d = np.stack(list(lead.values()), axis=1)
    standard_error = resample(benchmark.size, block, samples, seed).means(d).std(axis=0)
    with _translated():
        d /= standard_error
        test = SPA(np.zeros_like(benchmark), -d, block, samples, seed=seed)  # type: ignore[arg-type]
        test.compute()
    lower, consistent, upper = (float(p) for p in test.pvalues)
    return SpaResult(lower, consistent, upper, list(lead)[int(np.argmax(d.mean(axis=0)))])


@dataclass(frozen=True)
class ConfidenceSet:
    """The forecasters that the data cannot tell from the best.

    Attributes:
        included: Names of those with a p-value above the size, in the order of the losses.
        p_values: Name to p-value: the least size of the test that still leaves it out. The best
            has 1.0.
        size: Probability that a best one was left out.
    """

    included: tuple[str, ...]
    p_values: Mapping[str, float]
    size: float


def model_confidence_set(
    losses: pd.DataFrame, size: float = 0.10, samples: int = 1000, seed: int = 0
) -> ConfidenceSet:
    """The model confidence set of Hansen, Lunde & Nason (2011), by their range statistic.

    As long as the greatest standardised difference of two mean losses is too great for chance, the
    worse of the two leaves; the set contains the best with probability 1 - size. Forecasters with
    the same loss at every date share one place and one p-value.

    Args:
        losses: (n, k) losses, n >= 8; columns are the distinct names.
        size: Between 0 and 1.
        samples: Number of resamples, positive.
        seed: Not negative.

    Returns:
        The set and all p-values.

    Raises:
        InvalidConfig: Too few losses, one that is not finite, names that repeat, a setting outside
            its range, or two losses that differ by a constant.
    """
    from arch.bootstrap import MCS

    if not 0 < size < 1:
        raise InvalidConfig(f"size must be between 0 and 1, got {size!r}; 0.10 is usual")
    checked = _checked(losses, list(losses.columns), samples, seed, len(losses))
    first = _first_of_equals(checked)
    distinct = {name: checked[name] for name in dict.fromkeys(first.values())}
    for one, other in combinations(distinct, 2):
        _refuse_constant(one, other, distinct[one] - distinct[other])
    p_values = dict.fromkeys(distinct, 1.0)
    if len(distinct) > 1:
        table = np.stack(list(distinct.values()), axis=1)
        block = block_length(*(table - table.mean(axis=1, keepdims=True)).T)
        with _translated():
            test = MCS(table, size, samples, block, seed=seed)  # type: ignore[arg-type]
            test.compute()
        by_column = test.pvalues["Pvalue"]
        p_values = {name: float(by_column[i]) for i, name in enumerate(distinct)}
    of_each = {name: p_values[first[name]] for name in checked}
    return ConfidenceSet(tuple(name for name, p in of_each.items() if p > size), of_each, size)


def _first_of_equals(losses: Mapping[str, Vector]) -> dict[str, str]:
    """Name to the first name whose (n,) losses are the same at every date."""
    return {
        name: next(other for other, theirs in losses.items() if np.array_equal(theirs, loss))
        for name, loss in losses.items()
    }


def _checked(
    losses: npt.ArrayLike, names: Sequence[str], samples: int, seed: int, n: int
) -> dict[str, Vector]:
    """Name to (n,) losses, all finite."""
    table = np.asarray(losses, dtype=np.float64)
    if table.shape != (n, len(names)) or len(set(names)) != len(names) or not names:
        raise InvalidConfig(
            f"losses must have shape ({n}, {len(names)}) and one distinct name per column, got "
            f"{table.shape} and {list(names)}"
        )
    if samples < 1 or seed < 0:
        raise InvalidConfig(
            f"samples must be positive and seed not negative, got {samples=}, {seed=}"
        )
    columns = {f"loss of {name}": column for name, column in zip(names, table.T, strict=True)}
    return dict(zip(names, vectors(least=LEAST, **columns), strict=True))


def _refuse_constant(one: str, other: str, difference: Vector) -> None:
    """Refuse (n,) loss of one - loss of other that never varies: it has no standard error."""
    if np.ptp(difference) <= 1e-12 * np.max(np.abs(difference)):  # but for rounding
        raise InvalidConfig(
            f"losses must not differ by the same amount at every date, but those of {one} and "
            f"{other} do, by {difference[0]}; check what was passed as losses"
        )


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what goes wrong inside `arch` into an error of this package."""
    try:
        with np.errstate(divide="raise", invalid="raise"):
            yield
    except (FloatingPointError, ValueError) as error:
        raise InvalidConfig(
            f"losses must vary enough to be standardised, but arch stopped with: {error}; "
            "check their unit and what was passed as losses"
        ) from error
