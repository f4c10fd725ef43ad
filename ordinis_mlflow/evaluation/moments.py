"""Moments: sums by date from which scores follow, for the sample and for all resamples at once.

A score that is a function of means needs no resampled rows: how often each date was drawn, times
the sums by date, is one matrix product for all scores.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from ordinis_mlflow.evaluation.span import TestSpan
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.scoring.bootstrap import Resamples

Vector = npt.NDArray[np.float64]
Means = Mapping[str, Vector]
Formula = Callable[[Means], Vector]


@dataclass(frozen=True, eq=False)
class Moments:
    """Named columns by date.

    Attributes:
        names: of the columns.
        values: shape (dates, columns); rows of several symbols are summed.
    """

    names: tuple[str, ...]
    values: Vector

    def sample(self) -> Means:
        """Mean over the dates of each column, a scalar."""
        return dict(zip(self.names, self.values.mean(axis=0), strict=True))

    def resampled(self, resamples: Resamples) -> Means:
        """The same of each resample, shape (samples,)."""
        return dict(zip(self.names, resamples.means(self.values).T, strict=True))


def moments(
    span: TestSpan,
    prediction: Prediction,
    row_scores: Mapping[str, Vector],
    returns: Vector,
) -> Moments:
    """All that the formulas below read.

    Args:
        span: what happened.
        prediction: what was said.
        row_scores: (rows,) each; scores that are means over rows.
        returns: (dates,) net simple returns of the portfolio.
    """
    said, happened = prediction.mean / span.units, span.realised / span.units
    called = prediction.position != 0.0
    rows = {
        **row_scores,
        "rows": np.ones(len(span)),
        **_pair("value", said - said.mean(), happened - happened.mean()),
        **_pair("rank", *(stats.rankdata(x) / len(x) - 0.5 for x in (said, happened))),
        "called": called.astype(np.float64),
        "hits": (called & (np.sign(prediction.position) == np.sign(span.realised))) * 1.0,
    }
    dates = {
        "return": returns,
        "return_squared": returns**2,
        "downside_squared": np.minimum(returns, 0.0) ** 2,
        "log_return": np.log1p(np.maximum(returns, -1.0 + 1e-12)),
    }
    by_date = span.by_date(np.column_stack(list(rows.values())))
    return Moments((*rows, *dates), np.column_stack([by_date, *dates.values()]))


def _pair(name: str, x: Vector, y: Vector) -> dict[str, Vector]:
    columns = {"x": x, "y": y, "xx": x * x, "yy": y * y, "xy": x * y}
    return {f"{name}_{key}": column for key, column in columns.items()}


def mean_over_rows(name: str) -> Formula:
    """Of a column that was summed over the rows of each date."""
    return lambda m: m[name] / m["rows"]


def correlation(name: str) -> Formula:
    """Pearson's, of values or of ranks."""

    def formula(m: Means) -> Vector:
        x, y, xx, yy, xy = (m[f"{name}_{key}"] / m["rows"] for key in ("x", "y", "xx", "yy", "xy"))
        spread = np.sqrt(np.maximum((xx - x * x) * (yy - y * y), np.finfo(float).tiny))
        return (xy - x * y) / spread

    return formula


def trading_formulas(dates: int, bars_per_year: float) -> dict[str, Formula]:
    """Of the portfolio's returns; for one that trades."""
    year, unbiased = float(np.sqrt(bars_per_year)), dates / (dates - 1)

    def deviation(m: Means) -> Vector:
        variance = (m["return_squared"] - m["return"] ** 2) * unbiased
        return np.sqrt(np.maximum(variance, np.finfo(float).tiny))

    return {
        "sharpe_annual": lambda m: year * m["return"] / deviation(m),
        "sortino_annual": lambda m: (
            year * m["return"] / np.sqrt(np.maximum(m["downside_squared"], np.finfo(float).tiny))
        ),
        "annual_volatility_share": lambda m: year * deviation(m),
        "annual_growth_share": lambda m: np.expm1(bars_per_year * m["log_return"]),
        "hit_rate_share": lambda m: m["hits"] / np.maximum(m["called"], np.finfo(float).tiny),
    }
