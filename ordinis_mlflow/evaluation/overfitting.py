"""What is left of a Sharpe ratio after counting how often one was looked for."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.evaluation.judge import Evaluation
from ordinis_mlflow.scoring import overfit

Vector = npt.NDArray[np.float64]
CONFIDENCE = 0.95


@dataclass(frozen=True, eq=False)
class Trials:
    """Every attempt that was judged on the same bars and test span, this one among them.

    Attributes:
        count: how many, finished or not.
        sharpes_annual: shape (known,), of those that logged one.
        returns: net return by time of those that kept theirs, a column a trial; may be empty.
    """

    count: int
    sharpes_annual: Vector
    returns: pd.DataFrame


def overfitting(evaluation: Evaluation, trials: Trials) -> Mapping[str, float]:
    """Metrics of a portfolio that trades; what is undefined is left out.

    ``min_track_record_bars`` is left out for a Sharpe ratio that is not above zero, ``pbo_share``
    without two trials that traded over the same dates.
    """
    found: dict[str, float] = {"trials_count": float(trials.count)}
    if not evaluation.trades:
        return found
    returns, years = evaluation.returns.to_numpy(), evaluation.bars_per_year
    found |= {
        "probabilistic_sharpe_share": overfit.probabilistic_sharpe(returns),
        "deflated_sharpe_share": overfit.deflated_sharpe(
            returns, _variance(trials, years, len(returns)), trials.count
        ),
    }
    if returns.mean() > 0.0:
        found["min_track_record_bars"] = overfit.minimum_track_record_length(
            returns, confidence=CONFIDENCE
        )
    # A model that was judged twice is there twice, and to choose between the two is no choice; nor
    # is one that never traded chosen by its Sharpe ratio.
    columns = trials.returns.dropna().to_numpy().T
    distinct = {column.tobytes(): column for column in columns if np.ptp(column) > 0.0}
    if len(distinct) >= 2:
        table = np.column_stack(list(distinct.values()))
        found["pbo_share"] = overfit.probability_of_overfitting(table).pbo
    return found


def _variance(trials: Trials, bars_per_year: float, bars: int) -> float:
    """Between the trials' Sharpe ratios per bar.

    If fewer than two are known, that of estimates from so many bars where there is nothing to find.
    """
    known = trials.sharpes_annual / np.sqrt(bars_per_year)
    return float(known.var(ddof=1)) if known.size > 1 else 1.0 / bars
