"""GARCH parameters by maximum likelihood: the only door to `arch`'s optimiser."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from ordinis_mlflow.baselines.baseline import Vector
from ordinis_mlflow.errors import BaselineNotFitted, InvalidConfig
from ordinis_mlflow.features import VOLATILITY_FLOOR

LEAST_RETURNS = 100
"""Five or six parameters from fewer returns say nothing."""

BACKCAST_RETURNS = 75
BACKCAST_DECAY = 0.94
"""Before the first return stands an exponentially weighted variance of the first 75, as in arch."""

STARTS = ((0.05, 0.05, 0.90, 8.0), (0.10, 0.00, 0.80, 5.0), (0.02, 0.02, 0.96, 12.0))
"""α, γ, β, ν to begin from where arch's own starting values lead nowhere."""


@dataclass(frozen=True)
class GarchParameters:
    """Of one symbol, in log returns per bar.

    Attributes:
        mean: μ.
        omega: ω.
        alpha: α.
        gamma: γ, 0 in the symmetric model.
        beta: β.
        degrees_of_freedom: ν, from 2.05 to 500.
        before: variance before the first return.
    """

    mean: float
    omega: float
    alpha: float
    gamma: float
    beta: float
    degrees_of_freedom: float
    before: float

    @property
    def persistence(self) -> float:
        """α + γ/2 + β, at most 1 but for the optimiser's rounding (1e-7)."""
        return self.alpha + self.gamma / 2.0 + self.beta


def fit_garch(returns: Vector, asymmetric: bool, symbol: str) -> GarchParameters:
    """Maximum likelihood of the model in `Garch`.

    The optimiser sees returns of unit variance, so that bars of a minute and of a month converge
    alike; the parameters are scaled back.

    Args:
        returns: (n,) one-bar log returns, n >= 100.
        asymmetric: whether γ is fitted.
        symbol: for the error.

    Raises:
        InvalidConfig: too few returns, or a price that stands still.
        BaselineNotFitted: the optimiser converged from none of the starting values.
    """
    size = _size(returns, symbol)
    scaled = returns / size
    deviations = (scaled[:BACKCAST_RETURNS] - scaled.mean()) ** 2
    before = float(np.average(deviations, weights=BACKCAST_DECAY ** np.arange(len(deviations))))
    values = _maximum(scaled, asymmetric, before, symbol)
    mean, omega, alpha, *asymmetry, beta, nu = (float(value) for value in values)
    # The optimiser keeps α + γ >= 0 to some 1e-7; a variance that stays positive needs it exactly.
    gamma = max(sum(asymmetry, 0.0), -alpha)
    return GarchParameters(mean * size, omega * size**2, alpha, gamma, beta, nu, before * size**2)


def _size(returns: Vector, symbol: str) -> float:
    """Standard deviation of returns that can be fitted."""
    if len(returns) < LEAST_RETURNS:
        raise InvalidConfig(
            f"a GARCH model needs at least {LEAST_RETURNS} training returns, but symbol "
            f"{symbol!r} has {len(returns)}; train on more bars"
        )
    size = float(np.std(returns))
    if size < VOLATILITY_FLOOR:
        raise InvalidConfig(
            f"training returns must vary by {VOLATILITY_FLOOR} or more, but those of symbol "
            f"{symbol!r} have a standard deviation of {size:.3g}; leave it out"
        )
    return size


def _maximum(scaled: Vector, asymmetric: bool, before: float, symbol: str) -> Vector:
    """μ, ω, α, (γ,) β, ν from the first starting values that converge."""
    from arch.univariate import arch_model  # half a second, and only training needs it

    model = arch_model(
        scaled, mean="Constant", vol="GARCH", p=1, o=int(asymmetric), q=1, dist="t", rescale=False
    )
    reasons = []
    for start in (None, *STARTS):
        begin = None if start is None else _begin(scaled, asymmetric, start)
        with warnings.catch_warnings(record=True) as heard:
            # What arch warns of on the way is judged by where it ends, and told if it fails.
            warnings.simplefilter("always")
            result = model.fit(disp="off", backcast=before, starting_values=begin)
        if _sound(result):
            return np.asarray(result.params, dtype=np.float64)
        reasons += [" ".join(str(warning.message).split()) for warning in heard]
    raise BaselineNotFitted(
        f"the GARCH model of symbol {symbol!r} ({asymmetric=}, {len(scaled)} returns) converged "
        f"from none of {1 + len(STARTS)} starting values ({'; '.join(dict.fromkeys(reasons))}); "
        "train on more bars"
    )


def _begin(scaled: Vector, asymmetric: bool, start: tuple[float, float, float, float]) -> Vector:
    """Starting values in arch's order; ω gives the variance of the returns in the long run."""
    alpha, gamma, beta, nu = start
    asymmetry = [gamma] if asymmetric else []
    omega = (1.0 - alpha - sum(asymmetry) / 2.0 - beta) * float(np.var(scaled))
    return np.array([scaled.mean(), omega, alpha, *asymmetry, beta, nu])


def _sound(result: Any) -> bool:
    """Whether the optimiser says it converged, to numbers."""
    finite = np.isfinite(result.params).all() and np.isfinite(result.loglikelihood)
    return bool(result.convergence_flag == 0 and finite)
