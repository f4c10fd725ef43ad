"""Judge: every score of one forecaster on the rows that happened."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.evaluation.moments import (
    Formula,
    Moments,
    correlation,
    mean_over_rows,
    moments,
    trading_formulas,
)
from ordinis_mlflow.evaluation.span import TestSpan
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.scoring import calibration, forecast, performance, skill, trading

Vector = npt.NDArray[np.float64]
LOWER, UPPER = 0.05, 0.95
"""Levels of the quantile forecasts whose pinball loss is taken: one bad bar in twenty."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Out-of-sample numbers of one forecaster.

    Attributes:
        name: of the forecaster.
        metrics: stable metric name, with its unit, to value; what is undefined (a ratio of a
            portfolio that never traded) is left out, and never NaN.
        returns: net simple return of the equal-weight portfolio by time.
        bars_per_year: of those returns.
        pit: shape (rows,), probability integral transform.
        log_scores: shape (rows,), nats of the log density of the return in volatility units.
        moments: what the scores with an interval follow from.
        formulas: how; name of the metric to the formula.
    """

    name: str
    metrics: Mapping[str, float]
    returns: pd.Series
    bars_per_year: float
    pit: Vector
    log_scores: Vector
    moments: Moments
    formulas: Mapping[str, Formula]

    @property
    def trades(self) -> bool:
        """Whether a position was ever taken."""
        return bool((self.returns != 0.0).any())


def judge(span: TestSpan, prediction: Prediction) -> Evaluation:
    """Scores of a forecast and of the position that was taken on it.

    Distributions are scored in units of volatility, so that calm and wild days weigh alike; between
    forecasts of the same rows differences of log scores are the same as in log returns.

    Raises:
        InvalidConfig: a number of the prediction is not finite, or there is not one for each row.
    """
    _refuse_unusable(span, prediction)
    scores = _row_scores(span, prediction)
    pit = forecast.probability_integral_transform(*_scaled(span, prediction))
    returns = trading.portfolio_returns(
        span.times, span.symbols, prediction.position, span.next_returns, span.cost_bps
    )
    years = performance.bars_per_year(returns.index.to_numpy())
    trades = bool((returns != 0.0).any())
    metrics = {
        **{name: float(values.mean()) for name, values in scores.items()},
        **_calibration(span, prediction, pit),
        **_skill(span, prediction),
        **_trading(span, prediction, returns, years, trades),
    }
    formulas: dict[str, Formula] = {name: mean_over_rows(name) for name in scores}
    if np.ptp(prediction.mean / span.units) > 0.0:
        formulas |= {"ic": correlation("value"), "rank_ic": correlation("rank")}
    if trades:
        formulas |= trading_formulas(len(returns), years)
    made = moments(span, prediction, scores, returns.to_numpy())
    return Evaluation(
        prediction.name, metrics, returns, years, pit, scores["log_score_nats"], made, formulas
    )


def _refuse_unusable(span: TestSpan, prediction: Prediction) -> None:
    if len(prediction) != len(span):
        raise InvalidConfig(
            f"{prediction.name} must predict each of the {len(span)} rows, got {len(prediction)}"
        )
    for name in ("mean", "scale", "degrees_of_freedom", "probability_up", "position"):
        bad = np.flatnonzero(~np.isfinite(getattr(prediction, name)))
        if bad.size:
            raise InvalidConfig(
                f"{prediction.name}: {name} must be finite, but row {int(bad[0])}, symbol "
                f"{span.symbols[bad[0]]!r} at {span.times[bad[0]]}, is not ({bad.size} such rows)"
            )


def _scaled(
    span: TestSpan, prediction: Prediction
) -> tuple[Vector, Vector, Vector, Vector | float]:
    """Outcome, location, scale, in units of volatility, (rows,) each, and degrees of freedom."""
    parts = (span.realised, prediction.mean, prediction.scale)
    realised, mean, scale = (part / span.units for part in parts)
    freedom = prediction.degrees_of_freedom
    # One number for all rows saves most of the time of a quantile.
    return realised, mean, scale, float(freedom[0]) if np.ptp(freedom) == 0.0 else freedom


def _row_scores(span: TestSpan, prediction: Prediction) -> dict[str, Vector]:
    """Scores that are means over rows, (rows,) each."""
    said = _scaled(span, prediction)
    realised, _, scale, freedom = said
    return {
        "log_score_nats": forecast.log_score_nats(*said),
        "crps_units": forecast.crps(*said),
        "pinball_05_units": forecast.pinball_loss(*said, LOWER),
        "pinball_95_units": forecast.pinball_loss(*said, UPPER),
        "qlike": forecast.qlike(realised, scale, freedom),
        "brier_score": calibration.brier_score(prediction.probability_up, span.realised > 0.0),
    }


def _calibration(span: TestSpan, prediction: Prediction, pit: Vector) -> dict[str, float]:
    test = calibration.pit_test(pit, span.lags, span.date)
    up = span.realised > 0.0
    return {
        "pit_ks_distance": calibration.pit_uniformity(pit),
        "pit_test_statistic": test.statistic,
        "pit_test_p_value": test.p_value,
        "calibration_error_share": calibration.expected_calibration_error(
            prediction.probability_up, up
        ),
    }


def _skill(span: TestSpan, prediction: Prediction) -> dict[str, float]:
    said, happened = prediction.mean / span.units, span.realised / span.units
    found: dict[str, float] = {}
    for name, rank in (("ic", False), ("rank_ic", True)):
        one = skill.information_coefficient(said, happened, span.lags, span.date, rank=rank)
        found |= {name: one.value, f"{name}_standard_error": one.standard_error}
    return found


def _trading(
    span: TestSpan, prediction: Prediction, returns: pd.Series, years: float, trades: bool
) -> dict[str, float]:
    """Of the portfolio after costs; ratios only if it ever traded."""
    net, position = returns.to_numpy(), prediction.position
    drawdown = performance.max_drawdown_fraction(net)
    found = {
        "sharpe_annual": performance.sharpe_annual(net, years),
        "sharpe_standard_error_annual": performance.sharpe_standard_error(net, years),
        "total_return_share": float(performance.wealth(net)[-1] - 1.0),
        "max_drawdown_share": drawdown,
        "turnover_per_bar": _turnover(span, position),
        "exposure_share": trading.exposure(position),
    }
    if not trades:
        return found
    found |= {
        "hit_rate_share": trading.hit_rate(np.sign(position), span.realised),
        "annual_growth_share": performance.annual_growth(net, years),
        "annual_volatility_share": performance.annual_volatility(net, years),
    }
    if (net < 0.0).any():
        found |= {
            "sortino_annual": performance.sortino_annual(net, years),
            "calmar": performance.calmar(net, years),
        }
    return found


def _turnover(span: TestSpan, position: Vector) -> float:
    """Mean over the symbols, whose positions follow each other in time order."""
    order = np.argsort(span.date, kind="stable")
    symbols, ordered = span.symbols[order], position[order]
    each = (ordered[symbols == symbol] for symbol in np.unique(symbols))
    return float(np.mean([trading.turnover_per_bar(one) for one in each]))
