"""Check: whether matured predictions are worse than they should be; a verdict a question.

Labels of h bars overlap, and symbols of one date move together: each test sums by date, and takes
its long-run variance over 3 h + 10 dates with Bartlett weights (Newey & West 1987). With so many
lags the usual normal quantiles reject too often; those of Kiefer & Vogelsang (2005) take the lags
into account.

On stationary GARCH-t markets (tests/realised/simulated.py; 400 each; 1, 5 and 20 bars ahead, 125
and 250 dates, 1 and 4 symbols) any of the three is wrong in 2.5 to 8.8 % of checks, none alone in
more than 5.5 %; one bar ahead in 3 %. A rank IC of 0.15 that is lost is found on 250 dates of one
symbol in 49 % of cases, one of 0.30 in 98 %: it confirms, and does not warn early.
"""

import math
from dataclasses import dataclass

import numpy as np

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.realised.matured import Matured
from ordinis_mlflow.scoring.skill import (
    MeanWithError,
    information_coefficient,
    newey_west_mean,
)
from ordinis_mlflow.verdict import Verdict

IC, SKILL, CALIBRATION = (
    "realised_rank_ic",
    "realised_log_score_skill_nats",
    "realised_calibration_shift",
)
NAMES = (IC, SKILL, CALIBRATION)
ALPHA = 0.01
"""Share of false verdicts that each test is made for."""
FIXED_B = (2.3263, 4.1618, 0.5368, -0.9060)
"""Kiefer & Vogelsang (2005), table 1, Bartlett kernel, 99 %: a polynomial in lags over dates."""
LABELS = 10
"""Labels beside each other that the dates must hold at least."""


@dataclass(frozen=True)
class PerformanceSettings:
    """What is looked at.

    Attributes:
        most: newest matured dates that are tested.
        least: fewer are not judged.
        reference_ic: rank correlation that the model had on its test span.
        reference_error: standard error of that.

    Raises:
        InvalidConfig: a figure is outside its range.
    """

    most: int = 250
    least: int = 125
    reference_ic: float = 0.0
    reference_error: float = 0.0

    def __post_init__(self) -> None:
        if not 60 <= self.least <= self.most:
            raise InvalidConfig(
                f"60 <= least <= most must hold, got {self.least} and {self.most}: of fewer dates "
                "no standard error over time can be believed"
            )
        if not (-1 <= self.reference_ic <= 1 and 0 <= self.reference_error < math.inf):
            raise InvalidConfig(
                "reference_ic must be a correlation and reference_error at least 0, got "
                f"{self.reference_ic} and {self.reference_error}"
            )


@dataclass(frozen=True)
class PerformanceCheck:
    """The outcome of one check.

    Attributes:
        verdicts: one a test. What was not judged has not passed, and its figure is NaN.
        worse: names of the tests that found worse performance.
        unjudged: names of those that could not be made: no reason to retrain, nor to be at ease.
    """

    verdicts: tuple[Verdict, ...]
    worse: tuple[str, ...]
    unjudged: tuple[str, ...]

    @property
    def alarm(self) -> bool:
        """Whether any test found worse performance."""
        return bool(self.worse)


def unjudged(reason: str) -> PerformanceCheck:
    """The outcome where nothing can be judged."""
    return _outcome([_not_judged(name, reason) for name in NAMES])


def check(matured: Matured, settings: PerformanceSettings) -> PerformanceCheck:
    """Test the newest matured dates.

    Args:
        matured: of one version, one row a symbol and bar; calibration is held against what it was
            before the newest dates.
        settings: what is looked at.
    """
    newest = matured.latest(settings.most)
    count = len(newest.dates)
    least = max(settings.least, LABELS * matured.horizon)
    if count < least:
        return unjudged(
            f"not judged: of {count} dates the outcome of a prediction is known, and {least} are "
            f"needed for a horizon of {matured.horizon} bars"
        )
    before = matured.before(int(newest.times.min()))
    return _outcome([_ic(newest, settings), _skill(newest), _calibration(newest, before, settings)])


def lags_of(horizon: int) -> int:
    """Dates over which neighbouring scores depend on each other: labels overlap, volatility lasts.

    Example:
        >>> lags_of(1), lags_of(20)
        (13, 70)
    """
    return 3 * horizon + 10


def critical_value(lags: int, dates: int) -> float:
    """Quantile of a Newey-West t statistic at 1 - :data:`ALPHA`, one-sided.

    With b = (lags + 1) / dates the polynomial of :data:`FIXED_B`; at b = 0 the normal quantile.
    """
    b = (lags + 1) / dates
    return sum(coefficient * b**power for power, coefficient in enumerate(FIXED_B))


def _ic(newest: Matured, settings: PerformanceSettings) -> Verdict:
    lags, reference = lags_of(newest.horizon), settings.reference_ic
    found = information_coefficient(newest.mean, newest.realised, lags, newest.times, rank=True)
    if found.standard_error == 0.0:
        return _not_judged(IC, "not judged: all predictions are equal and rank nothing")
    error = math.hypot(found.standard_error, settings.reference_error)
    limit = reference - critical_value(lags, len(newest.dates)) * error
    what = f"rank correlation with what happened, against {reference:+.3f} on the test span"
    return _verdict(IC, found, limit, what, len(newest.dates))


def _skill(newest: Matured) -> Verdict:
    if not len(newest.skill):
        return _not_judged(SKILL, "not judged: too few bars from before to fit the naive baseline")
    lags, dates = lags_of(newest.horizon), len(newest.dates)
    found = newey_west_mean(_by_date(newest, newest.skill), lags)
    limit = -critical_value(lags, dates) * found.standard_error
    return _verdict(SKILL, found, limit, "log score less the naive baseline's, nats", dates)


def _calibration(newest: Matured, before: Matured, settings: PerformanceSettings) -> Verdict:
    """Against what it was: the gates let a model through whose calibration was not perfect."""
    if len(before.dates) < settings.least:
        reason = (
            f"not judged: of {len(before.dates)} dates before the newest {len(newest.dates)} the "
            f"outcome of a prediction is known, and {settings.least} are needed"
        )
        return _not_judged(CALIBRATION, reason)
    lags, dates = lags_of(newest.horizon), len(newest.dates)
    now, then = (
        newey_west_mean(_by_date(each, np.abs(2.0 * each.pit - 1.0)), lags)
        for each in (newest, before)
    )
    error = math.hypot(now.standard_error, then.standard_error)
    limit, moved = critical_value(lags, dates) * error, now.value - then.value
    reason = (
        f"outcomes lie at {now.value:.3f} of the way from the forecasts' middle "
        f"to their ends, on the newest {dates} dates, and lay at {then.value:.3f} before (0.5 is "
        "calibrated); the limit is of the difference, in both directions"
    )
    return Verdict(CALIBRATION, abs(moved) <= limit, abs(moved), limit, reason)


def _by_date(newest: Matured, values: np.ndarray) -> np.ndarray:
    """Means over the symbols of each date, dates ascending."""
    date = np.searchsorted(newest.dates, newest.times)
    means: np.ndarray = np.bincount(date, values) / np.bincount(date)
    return means


def _verdict(name: str, found: MeanWithError, limit: float, what: str, dates: int) -> Verdict:
    passed = found.value >= limit
    reason = (
        f"{what}, is {found.value:+.4f} ± {found.standard_error:.4f} on the newest {dates} dates: "
        f"{'no worse than chance explains' if passed else 'worse than chance explains'}"
    )
    return Verdict(name, passed, found.value, limit, reason)


def _not_judged(name: str, reason: str) -> Verdict:
    return Verdict(name, False, math.nan, math.nan, reason)


def _outcome(verdicts: list[Verdict]) -> PerformanceCheck:
    silent = tuple(each.name for each in verdicts if math.isnan(each.observed))
    worse = tuple(each.name for each in verdicts if not each.passed and each.name not in silent)
    return PerformanceCheck(tuple(verdicts), worse, silent)
