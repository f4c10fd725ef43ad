"""Shift: the test's forecasts against outcomes of much later dates, which they know nothing of.

All symbols are shifted by the same number of dates. A shift pairs each outcome with the forecast
made that many dates before its own; the first outcomes, which have none, are left out. Forecasts
are not carried round from the end to the beginning: a forecast that reads the last hundred bars
does know the outcomes before it, and an honest one that follows or fades past moves would then be
called a leak.

Sees: scores that do not come from foresight of the moment but from how they are counted: rows that
tell of each other, base rates that a forecast was fitted to on the test itself, outcomes that are
spread over many dates.

Does not see: any leak of the very moment's outcome, since that goes with the shift as skill does.

False alarms: 1 % for each of the two verdicts by construction: the largest of several shifts is
held against a quantile that is corrected for their number (Bonferroni; see `vanish`). Both take
outcomes of one date for one, however many symbols there are. Measured on 500 random markets each:
0.8 % to 1.0 % at a horizon of 1 bar, and up to 2.2 % at 5. A market that repeats itself exactly (a
sine) can be foreseen a long way ahead, and fails honestly.
"""

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import TooFewBars
from ordinis_mlflow.leakage.fitted import Fitted
from ordinis_mlflow.leakage.vanish import Remnant, hit_rate, overlap, rank_ic
from ordinis_mlflow.verdict import Verdict

CHANCE = 0.01
SHIFTS = 5
LEAST_HORIZONS = 5
"""A shift is of at least so many horizons, so that no pair shares a bar."""
LEAST_DATES = 20
"""That a shift leaves at least; the longest is of half the test part where that leaves more."""

Table = npt.NDArray[np.float64]


def shift(fitted: Fitted) -> list[Verdict]:
    """Whether shifted forecasts score like chance; runs nothing.

    Args:
        fitted: what the pipeline made of true bars.

    Raises:
        TooFewBars: the test part is too short to be shifted.
    """
    days = len(np.unique(fitted.outcomes.times[fitted.test]))
    by = shifts(days, fitted.horizon)
    chance = CHANCE / len(by)
    pairs = [_paired(fitted, days, dates) for dates in by]
    ranked = [rank_ic(m, r, d, lags(fitted.horizon, d), chance) for m, _, r, d in pairs]
    # A market moves all symbols at once: rows of one date count as one.
    hits = [
        hit_rate(lean, r, len(np.unique(d)) / len(d) / fitted.horizon, chance)
        for _, lean, r, d in pairs
    ]
    return [
        _verdict("shifted_rank_ic", "rank correlation", by, ranked),
        _verdict("shifted_hit_rate", "hit rate less that of chance", by, hits),
    ]


def lags(horizon: int, dates: npt.NDArray[np.datetime64]) -> int:
    """Of the error: overlap, and moves and forecasts that follow each other, as in a trend.

    1.3 sqrt(dates), as Lazarus, Lewis, Stock & Watson (2018) advise where nothing is known.
    """
    return overlap(horizon) + round(1.3 * math.sqrt(len(np.unique(dates))))


def shifts(days: int, horizon: int) -> npt.NDArray[np.int64]:
    """By how many dates forecasts are shifted, from five horizons to half of the dates.

    Raises:
        TooFewBars: five horizons leave too few of them.
    """
    least, most = LEAST_HORIZONS * horizon, min(days // 2, days - LEAST_DATES)
    if days - least < LEAST_DATES:
        raise TooFewBars(
            f"a test part of {days} dates is too short to be shifted by {least} or more and keep "
            f"{LEAST_DATES}: give more bars, a larger share test or a shorter horizon"
        )
    chosen: npt.NDArray[np.int64] = np.unique(
        np.linspace(least, max(least, most), SHIFTS).round().astype(int)
    )
    return chosen


def _paired(
    fitted: Fitted, days: int, by: int
) -> tuple[Table, Table, Table, npt.NDArray[np.datetime64]]:
    """Mean, lean, outcome and date of the rows for which the symbol had a forecast then."""
    outcomes, test = fitted.outcomes, fitted.test
    dates, column = np.unique(outcomes.times[test], return_inverse=True)
    symbols, row = np.unique(outcomes.symbols[test], return_inverse=True)
    table = np.full((3, len(symbols), days), np.nan)
    up = fitted.prediction.probability_up
    for each, values in enumerate((fitted.prediction.mean, up - 0.5, outcomes.values)):
        table[each, row, column] = values[test]
    shifted = np.stack([table[0, :, :-by], table[1, :, :-by], table[2, :, by:]])
    whole = np.isfinite(shifted).all(axis=0)
    later = np.broadcast_to(dates[by:], whole.shape)[whole]
    mean, lean, realised = shifted[:, whole]
    return mean, lean, realised, later


def _verdict(name: str, what: str, by: Iterable[int], remnants: list[Remnant]) -> Verdict:
    worst, dates = max(zip(remnants, by, strict=True), key=lambda pair: pair[0].excess)
    passed = worst.score <= worst.limit
    reason = f"forecasts shifted by {', '.join(map(str, by))} dates lose their {what}"
    if not passed:
        reason = (
            f"forecasts shifted by {dates} dates keep a {what}: it comes from how the score is "
            "counted (rows that overlap, base rates of the test), not from foresight"
        )
    return Verdict(name, passed, worst.score, worst.limit, reason)
