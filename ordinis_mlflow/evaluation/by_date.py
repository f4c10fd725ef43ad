"""Differences of two forecasters date by date, for such as were not asked about the same rows.

In an A/B test by symbol each has symbols of its own: at each date the mean score over the one's
rows is compared with that over the other's. Scores are in units of volatility, but symbols differ
in more than that: where both were asked about the same rows, give those alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ordinis_mlflow.evaluation.judge import Evaluation
from ordinis_mlflow.evaluation.report import LEVEL, SAMPLES
from ordinis_mlflow.evaluation.span import LEAST_DATES, TestSpan
from ordinis_mlflow.scoring.bootstrap import Interval, block_length, interval, resample
from ordinis_mlflow.scoring.skill import newey_west_mean

COMPARED = ("log_score_nats", "crps_units", "qlike", "brier_score")
"""Means over rows."""


@dataclass(frozen=True, eq=False)
class Judged:
    """A forecaster's rows and its scores on them."""

    span: TestSpan
    evaluation: Evaluation

    def by_date(self, metric: str) -> "pd.Series[float]":
        """Mean of a score over the rows of each date."""
        moments = self.evaluation.moments
        sums, rows = (moments.values[:, moments.names.index(each)] for each in (metric, "rows"))
        return pd.Series(sums / rows, index=self.span.dates)


@dataclass(frozen=True)
class DatedDifference:
    """Mean over the dates of one forecaster's score less another's, each date weighing alike.

    Attributes:
        value: in the unit of the score.
        interval: of the stationary bootstrap of dates.
        standard_error: after Newey and West; value / standard_error is the statistic of Diebold
            and Mariano (1995), about standard normal if both are as good.
        dates: how many.
    """

    value: float
    interval: Interval
    standard_error: float
    dates: int


def dated_differences(
    one: Judged, other: Judged, samples: int = SAMPLES, seed: int = 0, level: float = LEVEL
) -> Mapping[str, DatedDifference]:
    """Scores of one less those of the other, on the dates that both have.

    Args:
        one: of a horizon.
        other: of the same horizon.
        samples: of the bootstrap; one draw serves all scores.
        seed: of it.
        level: of the intervals.

    Returns:
        Name of the score to its difference; none with fewer than 20 dates in common.

    Raises:
        InvalidConfig: a setting is outside its range.
    """
    differences = {name: (one.by_date(name) - other.by_date(name)).dropna() for name in COMPARED}
    table = pd.DataFrame(differences)
    if len(table) < LEAST_DATES:
        return {}
    lags = min(one.span.lags, len(table) - 1)
    columns = [table[name].to_numpy(np.float64) for name in COMPARED]
    means = resample(len(table), block_length(*columns), samples, seed).means(table.to_numpy())
    found = {}
    for name, column, drawn in zip(COMPARED, columns, means.T, strict=True):
        mean = newey_west_mean(column, lags)
        found[name] = DatedDifference(
            mean.value, interval(drawn, level), mean.standard_error, len(table)
        )
    return found
