"""Truncation: features computed without the bars after a moment are those computed with them.

Sees: features, joins and fills that read a later bar, be it one or all of them (an average over the
whole history, a centred window, a shift the wrong way). It compares every row up to several
moments, so a feature that peeks k bars is wrong in the last k rows of each.

Does not see: a peek that happens at none of the moments, for example on one weekday alone; windows
that are cut wrongly out of right features (`future` and `shuffle` see those).

False alarms: none by construction, as results are compared to the last bit. Features whose rounding
depends on how long the history is (cumulative sums from its end, transforms over all of it) differ
in the last digits; that is a dependence on later bars and reported as such.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.bars import Bars
from ordinis_mlflow.errors import TooFewBars
from ordinis_mlflow.leakage.fitted import Fitted, Keyed, Pipeline
from ordinis_mlflow.leakage.gap import Gap, gap_of_rows
from ordinis_mlflow.verdict import Verdict

MOMENTS = 8
"""How often history is cut: from the first complete row to the last but one bar."""


def truncation(pipeline: Pipeline, bars: Bars, fitted: Fitted) -> list[Verdict]:
    """Whether a row of features is the same without the bars after it.

    Args:
        pipeline: what is audited.
        bars: all of them.
        fitted: what the pipeline made of them.
    """
    gaps = [_gap(pipeline, bars, fitted.features, time) for time in moments(fitted.features)]
    worst = max(gaps, key=lambda gap: gap.largest)
    return [
        worst.verdict(
            "truncated_features",
            f"every row of features is the same without the bars after it, at {len(gaps)} moments",
            "a row of features changes when the bars after it are taken away: a feature peeks",
        )
    ]


def moments(features: Keyed) -> npt.NDArray[np.datetime64]:
    """When history is cut; a later bar exists at each.

    Raises:
        TooFewBars: fewer than two bars have features.
    """
    complete = np.isfinite(features.values).all(axis=1)
    times = np.unique(features.times[complete])
    if len(times) < 2:
        raise TooFewBars(
            f"features cannot be audited: {len(times)} of {len(np.unique(features.times))} times "
            "have any; supply a longer history"
        )
    places = np.linspace(0, len(times) - 2, MOMENTS).round().astype(int)
    chosen: npt.NDArray[np.datetime64] = times[np.unique(places)]
    return chosen


def _gap(pipeline: Pipeline, bars: Bars, whole: Keyed, time: np.datetime64) -> Gap:
    known = bars.between(end=pd.Timestamp(time, tz="UTC"))
    return gap_of_rows(pipeline.features(known), whole.where(whole.times <= time))
