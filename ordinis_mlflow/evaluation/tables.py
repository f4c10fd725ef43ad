"""Tables of a report: scores with intervals, differences to baselines, years, reliability."""

from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.evaluation.judge import Evaluation
from ordinis_mlflow.evaluation.report import Report
from ordinis_mlflow.scoring import performance
from ordinis_mlflow.scoring.monte_carlo import Paths

YEAR_BARS = 252
"""Dates of the rolling information coefficient: a year of daily bars."""


def scores_table(report: Report) -> pd.DataFrame:
    """One row a metric; a column each forecaster, and the interval of the model's."""
    table = pd.DataFrame({each.name: pd.Series(dict(each.metrics)) for each in report.all})
    bounds = {name: (one.low, one.high) for name, one in report.intervals.items()}
    table.insert(1, "low", pd.Series({name: low for name, (low, _) in bounds.items()}))
    table.insert(2, "high", pd.Series({name: high for name, (_, high) in bounds.items()}))
    table = table.loc[list(report.model.metrics)]
    return table.rename_axis("metric").reset_index()


def differences_table(report: Report) -> pd.DataFrame:
    """One row a metric and baseline: model less baseline, with its interval."""
    rows = [
        {
            "metric": each.metric,
            "baseline": each.baseline,
            "difference": each.value,
            "low": each.interval.low,
            "high": each.interval.high,
            "level": each.interval.level,
        }
        for each in report.differences
    ]
    columns = ["metric", "baseline", "difference", "low", "high", "level"]
    return pd.DataFrame(rows, columns=columns)


def tests_table(report: Report) -> pd.DataFrame:
    """Of more than two forecasters: who cannot be told from the best, and Hansen's p-values."""
    if report.confidence_set is None or report.spa is None:
        return pd.DataFrame(columns=["forecaster", "p_value", "in_confidence_set"])
    kept = set(report.confidence_set.included)
    rows = [
        {"forecaster": name, "p_value": p_value, "in_confidence_set": name in kept}
        for name, p_value in dict(report.confidence_set.p_values).items()
    ]
    return pd.DataFrame(rows)


def years_table(report: Report) -> pd.DataFrame:
    """One row a calendar year (UTC): the model's scores within it, and each baseline's log score.

    A Sharpe ratio of one year has a standard error of about one.
    """
    span, model = report.span, report.model
    row_years = _years(span.times)
    rows = []
    for year in np.unique(row_years):
        at = row_years == year
        net = model.returns.to_numpy()[_years(model.returns.index.to_numpy()) == year]
        rows.append(
            {
                "year": int(year),
                "rows": int(at.sum()),
                **_of_portfolio(net, model.bars_per_year),
                "log_score_nats": float(model.log_scores[at].mean()),
                **{
                    f"{each.name}_log_score_nats": float(each.log_scores[at].mean())
                    for each in report.baselines
                },
            }
        )
    return pd.DataFrame(rows)


def _of_portfolio(net: npt.NDArray[np.float64], years: float) -> dict[str, float]:
    varies = len(net) > 1 and bool(np.ptp(net) > 0.0)
    return {
        "total_return_share": float(performance.wealth(net)[-1] - 1.0),
        "sharpe_annual": performance.sharpe_annual(net, years) if varies else 0.0,
        "max_drawdown_share": performance.max_drawdown_fraction(net),
    }


def _years(times: npt.NDArray[np.datetime64]) -> npt.NDArray[np.int64]:
    years: npt.NDArray[np.int64] = times.astype("datetime64[Y]").astype(np.int64) + 1970
    return years


def reliability_table(report: Report) -> pd.DataFrame:
    """One row a bin of ``probability_up``."""
    return pd.DataFrame([asdict(each) for each in report.reliability])


def rolling_ic(evaluation: Evaluation, window: int = YEAR_BARS) -> pd.Series:
    """Pearson's IC over the last ``window`` dates, by the time of the last; empty if shorter."""
    means = pd.DataFrame(evaluation.moments.values, columns=list(evaluation.moments.names))
    sums = means.rolling(window).sum().dropna()
    if "ic" not in evaluation.formulas or sums.empty:
        return pd.Series(dtype=float)
    values = evaluation.formulas["ic"]({str(name): sums[name].to_numpy() for name in sums})
    return pd.Series(values, index=evaluation.returns.index[sums.index])


def paths_table(paths: Paths) -> pd.DataFrame:
    """Quantiles of the resampled paths: wealth at the end, deepest drawdown."""
    return pd.DataFrame(
        {
            "level": paths.levels,
            "terminal_wealth": np.quantile(paths.terminal_wealth, paths.levels),
            "max_drawdown_share": np.quantile(paths.max_drawdown, paths.levels),
        }
    )
