"""Choice of a recalibration: the one that helps on rows it was not fitted to, or none.

Floor 2: joins recalibration with splits and scores.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.recalibration import (
    LEAST_SPREAD,
    NONE,
    Recalibration,
    fit_isotonic,
    fit_platt,
)
from ordinis_mlflow.scoring.calibration import log_loss_nats
from ordinis_mlflow.scoring.skill import MeanWithError, newey_west_mean
from ordinis_mlflow.splits import PurgedKFold
from ordinis_mlflow.verdict import Verdict

Vector: TypeAlias = npt.NDArray[np.float64]
Fit: TypeAlias = Callable[[Vector, Vector], Recalibration]

CANDIDATES: Mapping[str, Fit] = {"platt": fit_platt, "isotonic": fit_isotonic}
LEAST_ROWS = 100
LEAST_OF_A_KIND = 10
"""Outcomes of the rarer kind, up or not up."""
DEVIATIONS = 1.645
"""Standard errors that a gain must be above zero: one-sided 95 %."""
SURE = 1e-7
"""Of a probability of 0 or 1, which float32 rounds to, the loss is that of this much doubt."""


@dataclass(frozen=True, eq=False)
class _Rows:
    """What a recalibration is chosen on: (n,) each."""

    probability: Vector
    happened: Vector
    starts: npt.NDArray[Any]
    ends: npt.NDArray[Any]


def choose(
    probability: npt.ArrayLike,
    happened: npt.ArrayLike,
    starts: npt.NDArray[Any],
    ends: npt.NDArray[Any],
    lags: int,
    folds: int = 5,
) -> tuple[Recalibration, tuple[Verdict, ...]]:
    """The recalibration to keep, fitted on all rows, and why.

    Each candidate is fitted and judged in purged k-fold over the dates. Its gain is the log loss
    saved on the rows it was not fitted to, as a mean over the dates; it qualifies if 1.645
    Newey-West standard errors less than that is still above 0. Of two that qualify the one with the
    higher bound is kept. Where nothing can be judged the answer is none, with a verdict that says
    why; no data makes this raise.

    Args:
        probability: (n,) of the event, not recalibrated.
        happened: (n,) whether it did.
        starts: (n,) decision time of each row, in any order; symbols may share a time.
        ends: (n,) time at which its outcome was known.
        lags: over how many dates gains depend on each other, at least the label's horizon - 1.
        folds: of the cross-validation.

    Raises:
        InvalidConfig: the arrays are of different lengths, or fewer than two folds.
    """
    rows = _Rows(_column(probability), _column(happened), np.asarray(starts), np.asarray(ends))
    lengths = {len(each) for each in (rows.probability, rows.happened, rows.starts, rows.ends)}
    if len(lengths) > 1:
        raise InvalidConfig(f"choose needs arrays of one length, got lengths {sorted(lengths)}")
    splitter = PurgedKFold(folds)
    refused = _unusable(rows)
    if refused:
        return NONE, (refused,)
    judged = [_judged(name, rows, splitter, lags) for name in CANDIDATES]
    verdicts = tuple(verdict for _, verdict in judged)
    helpful = [each for each in judged if each[1].passed]
    best, _ = max(helpful, key=lambda each: each[1].observed, default=(NONE, None))
    return best, verdicts


def _unusable(rows: _Rows) -> Verdict | None:
    """The first rule by which these rows can decide nothing; None if they can."""
    name, n = "recalibration_{}", len(rows.probability)
    if n < LEAST_ROWS:
        return Verdict(name.format("rows"), False, n, LEAST_ROWS, "validation rows to judge by")
    p, finite = rows.probability, float(np.isfinite(rows.probability).mean())
    if finite < 1.0:
        reason = "share of validation rows with a probability"
        return Verdict(name.format("finite_share"), False, finite, 1.0, reason)
    rarer = min(float(rows.happened.sum()), n - float(rows.happened.sum()))
    if rarer < LEAST_OF_A_KIND:
        reason = f"rows of the rarer outcome among {n}"
        return Verdict(name.format("rarer_outcome"), False, rarer, LEAST_OF_A_KIND, reason)
    spread = float(np.ptp(p))
    if spread < LEAST_SPREAD:
        reason = "highest less lowest probability on validation rows"
        return Verdict(name.format("spread"), False, spread, LEAST_SPREAD, reason)
    return None


def _judged(
    name: str, rows: _Rows, splitter: PurgedKFold, lags: int
) -> tuple[Recalibration, Verdict]:
    """A candidate fitted on all rows, and whether it helps where it was not fitted."""
    label, fit = f"recalibration_{name}_gain_nats", CANDIDATES[name]
    try:
        fitted = fit(rows.probability, rows.happened)
        gain = _gain(fit, rows, splitter, lags)
    except InvalidConfig as error:
        return NONE, Verdict(label, False, 0.0, 0.0, f"could not be judged: {error}")
    least = gain.value - DEVIATIONS * gain.standard_error
    reason = (
        f"log loss saved out of fold a date, over {gain.n} dates: {gain.value:.3g}, standard error "
        f"{gain.standard_error:.2g}; observed is {DEVIATIONS} standard errors below"
    )
    return fitted, Verdict(label, least > 0.0, least, 0.0, reason)


def _gain(fit: Fit, rows: _Rows, splitter: PurgedKFold, lags: int) -> MeanWithError:
    """Log loss saved on the test rows of all folds; symbols of one date count as one value."""
    corrected = np.empty_like(rows.probability)
    for train, test in splitter.split(rows.starts, rows.ends):
        fitted = fit(rows.probability[train], rows.happened[train])
        corrected[test] = fitted.apply(rows.probability[test])
    saved = _loss(rows.probability, rows.happened) - _loss(corrected, rows.happened)
    dates, date = np.unique(rows.starts, return_inverse=True)
    by_date = np.bincount(date, saved, len(dates)) / np.bincount(date, minlength=len(dates))
    return newey_west_mean(by_date, lags)


def _loss(probability: Vector, happened: Vector) -> Vector:
    return log_loss_nats(np.clip(probability, SURE, 1.0 - SURE), happened)


def _column(values: npt.ArrayLike) -> Vector:
    column: Vector = np.asarray(values, dtype=np.float64)
    if column.ndim != 1:
        raise InvalidConfig(f"choose needs one-dimensional arrays, got shape {column.shape}")
    return column
