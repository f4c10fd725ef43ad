"""Vanish: whether a score is what chance would give.

Two scores of the same rows, each with a limit that chance exceeds with a stated probability:

- the rank correlation of forecast and outcome, against its Newey-West error over dates
  (`scoring.skill.information_coefficient`). Such an error is itself estimated, and too small on
  average, the more so the more lags it has for the dates there are. With b = (lags + 1) / dates the
  limit is the error times a quantile of Student's t with 1.5 / b degrees of freedom, over
  sqrt(1 - b): at 5 % within 0.02 of what Kiefer & Vogelsang (2005, table 1) give for b = 0.1;
- the share of right directions, against the share p that forecasts and outcomes of these signs
  would have if they had nothing to do with each other (so a model that always says up in a rising
  market has no skill), with the binomial error sqrt(p (1 - p) h / n).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from ordinis_mlflow.scoring.skill import information_coefficient

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Remnant:
    """What is left of a score.

    Attributes:
        score: distance from what chance would give, not negative.
        limit: what chance exceeds with the stated probability.
    """

    score: float
    limit: float

    @property
    def excess(self) -> float:
        """Score over limit: above 1 it did not vanish."""
        return self.score / self.limit if self.limit else math.inf * bool(self.score)


def overlap(horizon: int) -> int:
    """Lags of the error where nothing but overlapping labels ties dates together.

    Labels over h bars overlap for h - 1; twice as many lags are used, since Bartlett weights over
    h - 1 see but two thirds of the variance that overlap adds.
    """
    return 3 * (horizon - 1)


def rank_ic(
    prediction: Vector,
    realised: Vector,
    dates: npt.NDArray[np.datetime64],
    lags: int,
    chance: float,
) -> Remnant:
    """|rank correlation| of forecast and outcome, against chance on two sides.

    Args:
        prediction: (n,) any unit.
        realised: (n,) log return over the horizon.
        dates: (n,) of the decisions.
        lags: over how many dates products of forecast and outcome depend on each other.
        chance: probability of a false alarm.
    """
    days = len(np.unique(dates))
    found = information_coefficient(prediction, realised, lags, dates, rank=True)
    b = (lags + 1) / days
    errors = float(stats.t.isf(chance / 2, min(1.5 / b, days - 1))) / math.sqrt(1 - b)
    return Remnant(abs(found.value), errors * found.standard_error)


def hit_rate(lean: Vector, realised: Vector, independent: float, chance: float) -> Remnant:
    """|share of right directions - share by chance|; rows without a direction are left out.

    Args:
        lean: (n,) positive for up, negative for down.
        realised: (n,) log return over the horizon.
        independent: how many of the n rows count as independent of each other, as a share.
        chance: probability of a false alarm.
    """
    called = (lean != 0) & (realised != 0)
    if not called.any():
        return Remnant(0.0, 0.0)
    said, came = lean[called] > 0, realised[called] > 0
    up, rose = float(said.mean()), float(came.mean())
    expected = up * rose + (1 - up) * (1 - rose)
    error = math.sqrt(expected * (1 - expected) / (independent * len(said)))
    score = abs(float((said == came).mean()) - expected)
    return Remnant(score, float(stats.norm.isf(chance / 2)) * error)
