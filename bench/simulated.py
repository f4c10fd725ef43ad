"""Markets that do not drift, many at once, and their features: what a false alarm is counted on.

Returns come from a stationary process, bars from returns by eight steps of a Brownian bridge within
the bar, volume from a persistent log-normal; or real bars are drawn in blocks.
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.bars import read_dataset
from ordinis_mlflow.features import TECHNICAL_1, BarArrays, History

Array = npt.NDArray[np.float64]
Returns = tuple[Array, Array]
"""Log returns and the deviations they were drawn with, both of shape (markets, bars)."""

BURN_IN = 500
DAILY = 0.01
STEPS = 8
BLOCK = 60
"""Mean bars of a block of the S&P 500: volatility still comes in clusters, and no regime lasts."""
UNCHANGED = np.ones(0)


def garch(random: np.random.Generator, markets: int, bars: int) -> Returns:
    """GARCH(1,1), alpha .08, beta .90, Student's t with 6 degrees of freedom."""
    shocks = random.standard_t(6, (bars + BURN_IN, markets)) * np.sqrt(4 / 6)
    variance = np.ones(markets)
    deviations = np.empty_like(shocks)
    for at, shock in enumerate(shocks):
        deviations[at] = np.sqrt(variance)
        variance = 0.02 + (0.08 * shock**2 + 0.90) * variance
    deviations *= DAILY
    return _settled(shocks * deviations, deviations)


def stochastic_volatility(random: np.random.Generator, markets: int, bars: int) -> Returns:
    """Log variance AR(1) .98 with innovations of .15, normal returns."""
    logs = _ar1(random.normal(size=(bars + BURN_IN, markets)) * 0.15, 0.98)
    deviations = DAILY * np.exp(logs / 2)
    return _settled(random.normal(size=logs.shape) * deviations, deviations)


def autoregressive(random: np.random.Generator, markets: int, bars: int) -> Returns:
    """AR(1) .3 returns, normal, of one volatility."""
    shocks = DAILY * random.normal(size=(bars + BURN_IN, markets))
    return _settled(_ar1(shocks, 0.3), np.full_like(shocks, DAILY))


PROCESSES: Mapping[str, Callable[[np.random.Generator, int, int], Returns]] = {
    "GARCH-t": garch,
    "stochastic volatility": stochastic_volatility,
    "AR(1)": autoregressive,
}


def simulated(
    process: str, random: np.random.Generator, markets: int, rows: int, factor: Array = UNCHANGED
) -> Array:
    """Features of markets of a process.

    Args:
        process: one of :data:`PROCESSES`.
        random: source of all randomness.
        markets: how many.
        rows: of features.
        factor: of the volatility in the last rows, one a row; before them it is 1.

    Returns:
        Shape (markets, rows, features).
    """
    bars = rows + TECHNICAL_1.lookback - 1
    returns, deviations = PROCESSES[process](random, markets, bars)
    scale = np.append(np.ones(bars - factor.size), factor)
    return features(_bars(random, returns * scale, deviations * scale))


def resampled(random: np.random.Generator, markets: int, rows: int) -> Array:
    """Features of the S&P 500 of 1999 to 2018, bars drawn in blocks (stationary bootstrap).

    A bar is kept as its ratios to the close and the volume before it, so that inside a block every
    feature is the real one.
    """
    bars = rows + TECHNICAL_1.lookback - 1
    values = np.log(sp500()[1])
    before = values[:-1, [3, 3, 3, 3, 4]]
    moves = values[1:] - before
    begins = random.random((markets, bars)) < 1 / BLOCK
    places = random.integers(len(moves), size=(markets, bars))
    for at in range(1, bars):
        follow = ~begins[:, at]
        places[follow, at] = (places[follow, at - 1] + 1) % len(moves)
    drawn = moves[places]
    last = np.cumsum(drawn[..., 3:], axis=1) - drawn[..., 3:]
    drawn[..., :4] += last[..., :1]
    drawn[..., 4] += last[..., 1]
    return features(np.exp(drawn))


def features(bars: Array) -> Array:
    """``technical@1`` of bars of shape (..., bars, 5); all its columns are stationary."""
    return np.asarray(TECHNICAL_1.compute(BarArrays.of(bars), History()))


def sp500() -> tuple[npt.NDArray[np.datetime64], Array]:
    """Days and bars."""
    (series,) = read_dataset("sp500").series()
    return series.timestamps.tz_localize(None).to_numpy().astype("datetime64[D]"), series.values


def _bars(random: np.random.Generator, returns: Array, deviations: Array) -> Array:
    paths = random.normal(size=(*returns.shape, STEPS)) * (deviations[..., None] / np.sqrt(STEPS))
    paths = np.cumsum(paths, axis=-1)
    paths += (returns - paths[..., -1])[..., None] * (np.arange(1, STEPS + 1) / STEPS)
    before = np.cumsum(returns, axis=-1) - returns
    logs = [paths[..., 0], paths.max(axis=-1), paths.min(axis=-1), paths[..., -1]]
    prices = [np.exp(before + log) for log in logs]
    surprise = np.abs(returns) / deviations
    shocks = 0.1 * random.normal(size=returns.shape) + 0.1 * surprise
    volume = np.exp(13.0 + _ar1(shocks.T, 0.95).T)
    return np.stack([*prices, volume], axis=-1)


def _ar1(shocks: Array, coefficient: float) -> Array:
    """Along the first axis."""
    values = np.empty_like(shocks)
    last = np.zeros(shocks.shape[1])
    for at, shock in enumerate(shocks):
        last = coefficient * last + shock
        values[at] = last
    return values


def _settled(returns: Array, deviations: Array) -> Returns:
    """Without the burn-in, markets first."""
    return returns[BURN_IN:].T, deviations[BURN_IN:].T
