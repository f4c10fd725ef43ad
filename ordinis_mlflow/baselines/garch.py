"""GARCH with Student-t innovations: the forecaster of volatility that is hard to beat."""

from dataclasses import dataclass

import numpy as np
from scipy import signal

from ordinis_mlflow.baselines._garch_fit import GarchParameters, fit_garch
from ordinis_mlflow.baselines._returns import SymbolReturns, returns_by_symbol
from ordinis_mlflow.baselines.baseline import Index, Vector
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.prepare import Rows


@dataclass(frozen=True)
class Garch:
    """Constant mean, GARCH(1,1) or GJR-GARCH(1,1) variance, Student-t innovations.

    Of the one-bar log returns r of one symbol (Bollerslev 1986, 1987; Glosten, Jagannathan & Runkle
    1993), with e[t] = r[t] - μ:

        v[t+1] = ω + (α + γ · 1{e[t] < 0}) e[t]² + β v[t],   r[t+1] = μ + sqrt(v[t+1]) z[t+1]

    z being Student-t with ν degrees of freedom and variance 1. The five or six parameters are
    fitted for each symbol by maximum likelihood (`arch`) to the returns that its training labels
    are made of, and then stay; the variance runs on from the symbol's first bar through every test
    row. Over a horizon of h bars

        mean = h μ,  variance = Σ v[t+k|t], k = 1..h,  v[t+k+1|t] = ω + (α + γ/2 + β) v[t+k|t]
        scale = sqrt(variance · (ν - 2) / ν)

    exact in mean and variance; for h > 1 the sum of returns is not quite Student-t, and the ν of
    one bar makes its tails somewhat too heavy. It trades by the rule of every forecast.

    Attributes:
        asymmetric: whether falls raise the variance more than rises do (γ is fitted; else 0).
    """

    asymmetric: bool

    @property
    def name(self) -> str:
        """``gjr_garch_t`` or ``garch_t``."""
        return "gjr_garch_t" if self.asymmetric else "garch_t"

    def predict(self, rows: Rows, train: Index, test: Index, forecast: Forecast) -> Prediction:
        """As `Baseline.predict`; a symbol needs 100 training returns."""
        answer = np.full((3, len(test)), np.nan)
        for one in returns_by_symbol(rows, train, test, forecast.horizon):
            fitted = fit_garch(one.of_training(forecast.horizon), self.asymmetric, one.symbol)
            answer[:, one.answer] = _student_t(one, fitted, forecast.horizon)
        mean, scale, nu = answer
        return Prediction.student_t(self.name, mean, scale, nu, forecast.no_trade_band)


def _student_t(one: SymbolReturns, fitted: GarchParameters, horizon: int) -> Vector:
    """(3, n_test) of mean, scale and degrees of freedom."""
    variance = variance_over(next_variance(one.returns, fitted)[one.test], fitted, horizon)
    nu = fitted.degrees_of_freedom
    scale = np.sqrt(variance * (nu - 2.0) / nu)
    return np.stack(np.broadcast_arrays(horizon * fitted.mean, scale, nu))


def next_variance(returns: Vector, fitted: GarchParameters) -> Vector:
    """Variance of the next one-bar return, as known at each bar.

    Written out here although `arch` has it: its `fix` starts from the mean of the whole series and
    bounds the variance by the whole series' largest return, both of which lie in the future.

    Args:
        returns: (n,) one-bar log returns; returns[i] is known at bar i + 1.
        fitted: parameters.

    Returns:
        (n + 1,); value i reads returns[:i].
    """
    errors = returns - fitted.mean
    first = fitted.omega + fitted.persistence * fitted.before
    news = fitted.omega + (fitted.alpha + fitted.gamma * (errors < 0)) * errors**2
    # v[t+1] = news[t] + β v[t] is a linear filter, which scipy runs in compiled code.
    variance: Vector = signal.lfilter([1.0], [1.0, -fitted.beta], np.append(first, news))
    return variance


def variance_over(step: Vector, fitted: GarchParameters, horizon: int) -> Vector:
    """Sum of the expected variances of the next ``horizon`` bars.

    Args:
        step: (n,) variance of the next bar.
        fitted: parameters.
        horizon: bars, at least 1.
    """
    total = step.copy()
    for _ in range(horizon - 1):  # in steps: the closed form divides by 1 - persistence, maybe 0
        step = fitted.omega + fitted.persistence * step
        total += step
    return total
