"""Evaluation: a model's test numbers beside those of two naive baselines.

Floor 2: joins scoring and what is known about the rows. Positions follow one stated rule: at each
bar hold direction × strength of the latest signal until the next bar.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize

from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.prepare import Prepared
from ordinis_mlflow.scoring import forecast as scores
from ordinis_mlflow.scoring import performance, trading
from ordinis_mlflow.scoring.calibration import pit_uniformity
from ordinis_mlflow.scoring.skill import MeanWithError, information_coefficient, newey_west_mean
from ordinis_mlflow.signal import Signal

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Out-of-sample numbers of one forecast.

    Attributes:
        name: of the model or baseline.
        metrics: stable metric name, with its unit, to value.
        returns: net simple return of the equal-weight portfolio by time.
        pit: shape (windows,), probability integral transform.
        log_scores: shape (windows,), nats of the log density of the return in volatility units.
    """

    name: str
    metrics: Mapping[str, float]
    returns: pd.Series
    pit: Vector
    log_scores: Vector


@dataclass(frozen=True, eq=False)
class TestSpan:
    """The rows that a forecast is judged on.

    Attributes:
        symbols: shape (windows,).
        times: shape (windows,), of the decision.
        realised: shape (windows,), log return over the horizon.
        units: shape (windows,), volatility over the horizon, log return.
        next_returns: shape (windows,), simple return from this bar to the next.
        forecast: horizon and distribution.
        cost_bps: cost of one unit of turnover, basis points.
    """

    __test__ = False  # not a test class, whatever its name

    symbols: npt.NDArray[np.str_]
    times: npt.NDArray[np.datetime64]
    realised: Vector
    units: Vector
    next_returns: Vector
    forecast: Forecast
    cost_bps: float

    def judge(self, name: str, mean: Vector, scale: Vector, position: Vector) -> Evaluation:
        """Scores of a forecast and of the position that was taken on it."""
        nu = self.forecast.degrees_of_freedom
        realised, location, spread = (x / self.units for x in (self.realised, mean, scale))
        # Scored in units of volatility, so that calm and wild days weigh alike; between forecasts
        # of the same rows the difference is the same as in log returns.
        log_scores = scores.log_score_nats(realised, location, spread, nu)
        pit = scores.probability_integral_transform(realised, location, spread, nu)
        returns = trading.portfolio_returns(
            self.times, self.symbols, position, self.next_returns, self.cost_bps
        )
        years = performance.bars_per_year(returns.index.to_numpy())
        metrics = {
            "log_score_nats": float(log_scores.mean()),
            "pit_ks_distance": pit_uniformity(pit),
            "rank_ic": information_coefficient(location, realised, lags=0, rank=True).value,
            "hit_rate_share": trading.hit_rate(np.sign(position), self.realised),
            "sharpe_annual": performance.sharpe_annual(returns, years),
            "sharpe_standard_error_annual": performance.sharpe_standard_error(returns, years),
            "total_return_share": float(performance.wealth(returns)[-1] - 1.0),
            "max_drawdown_share": performance.max_drawdown_fraction(returns),
            "turnover_per_bar": self._turnover(position),
        }
        finite = {key: value for key, value in metrics.items() if np.isfinite(value)}
        return Evaluation(name, finite, returns, pit, log_scores)

    def _turnover(self, position: Vector) -> float:
        """Mean over the symbols, whose positions follow each other in time order."""
        each = (position[self.symbols == symbol] for symbol in np.unique(self.symbols))
        return float(np.mean([trading.turnover_per_bar(one) for one in each]))


def span_of(
    prepared: Prepared, index: npt.NDArray[np.int64], forecast: Forecast, cost_bps: float
) -> TestSpan:
    """The rows at ``index`` of the prepared samples."""
    data = prepared.rows
    rows = data.ready[index]
    return TestSpan(
        symbols=data.symbols[rows],
        times=data.times[rows],
        realised=data.labels[rows] * data.units[rows],
        units=data.units[rows],
        next_returns=data.close[rows + 1] / data.close[rows] - 1.0,
        forecast=forecast,
        cost_bps=cost_bps,
    )


def evaluate_signal(signal: Signal, span: TestSpan) -> Evaluation:
    """The model itself; position is direction × strength."""
    position = signal.direction.astype(np.float64) * signal.strength
    mean, scale = signal.mean.astype(np.float64), signal.scale.astype(np.float64)
    return span.judge("model", mean, scale, position)


def evaluate_baselines(prepared: Prepared, span: TestSpan) -> tuple[Evaluation, Evaluation]:
    """Two naive forecasts, each fitted on the training labels alone.

    - ``zero_mean_volatility``: mean zero, scale a fixed multiple of current volatility; no trade.
    - ``buy_and_hold``: one constant location and scale in log returns for all times; always long.
    """
    data = prepared.rows
    rows = data.ready[prepared.split.train]
    nu, n = span.forecast.degrees_of_freedom, len(span.realised)
    multiple = _fitted_scale(data.labels[rows], nu)
    steady = data.labels[rows] * data.units[rows]
    center = float(np.mean(steady))
    spread = _fitted_scale(steady - center, nu)
    return (
        span.judge("zero_mean_volatility", np.zeros(n), multiple * span.units, np.zeros(n)),
        span.judge("buy_and_hold", np.full(n, center), np.full(n, spread), np.ones(n)),
    )


def skill(model: Evaluation, baseline: Evaluation, horizon: int) -> MeanWithError:
    """Mean log score above a baseline's on the same rows, in nats, with Newey-West's error.

    Overlapping labels make neighbouring scores depend on each other over ``horizon - 1`` bars; five
    more lags cover volatility that both forecasts miss.
    """
    return newey_west_mean(model.log_scores - baseline.log_scores, horizon + 4)


def _fitted_scale(values: Vector, degrees_of_freedom: int) -> float:
    """Maximum-likelihood Student-t scale around zero."""
    size = float(np.sqrt(np.mean(values**2)))
    zeros = np.zeros(len(values))

    def loss(log_scale: float) -> float:
        scale = np.full(len(values), np.exp(log_scale))
        return -float(scores.log_score_nats(values, zeros, scale, degrees_of_freedom).mean())

    bounds = (np.log(size) - 3.0, np.log(size) + 3.0)
    return float(np.exp(optimize.minimize_scalar(loss, bounds=bounds, method="bounded").x))
