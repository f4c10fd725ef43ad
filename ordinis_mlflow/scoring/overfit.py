"""How much of a Sharpe ratio is left once luck and the number of trials are counted.

Sharpe ratios here are per bar and not per year, and so are benchmarks and the variance of trials:
divide a ratio per year by sqrt(bars per year), its variance by bars per year.
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring._cscv import Table, mean_ranks, sharpes_of_halves
from ordinis_mlflow.scoring._vectors import Vector
from ordinis_mlflow.scoring.sharpe import SharpeMoments, sharpe_moments, standard_error_of_sharpe

ReturnsOrMoments: TypeAlias = npt.ArrayLike | SharpeMoments
_MOST_BLOCKS = 20  # 184,756 halves; each two blocks more take four times the memory


def probabilistic_sharpe(returns: ReturnsOrMoments, benchmark: float = 0.0) -> float:
    """Probability that the true Sharpe ratio is above a benchmark; Φ the normal distribution.

        Φ((SR - benchmark) / standard error)        standard error with n - 1 in place of n

    (Bailey & López de Prado 2012.) Returns that never traded have Sharpe ratio 0.

    Args:
        returns: (n,) simple returns per bar, n >= 2, or their moments.
        benchmark: Sharpe ratio per bar.

    Returns:
        A probability.

    Raises:
        InvalidConfig: As `performance.sharpe_annual`, or a benchmark that is not finite.

    Example:
        >>> round(probabilistic_sharpe(SharpeMoments(0.458, 24, -2.448, 10.164)), 3)
        0.913
    """
    moments = _moments(returns)
    return float(special.ndtr(_above(moments, benchmark) / _error(moments)))


def expected_maximum_sharpe(variance_of_trials: float, trials: int) -> float:
    """Highest Sharpe ratio that so many trials of nothing are expected to show.

        sqrt(variance) · ((1 - γ) Φ⁻¹(1 - 1 / N) + γ Φ⁻¹(1 - 1 / (N e)))        γ = 0.5772…

    (Bailey & López de Prado 2014; the trials are normal and independent.) One trial has 0.

    Args:
        variance_of_trials: Of the trials' Sharpe ratios per bar, not negative.
        trials: How many there were, 1 or more; correlated ones count for less than one each.

    Returns:
        Sharpe ratio per bar.

    Raises:
        InvalidConfig: The variance is negative or not finite, or there is no trial.

    Example:
        >>> round(expected_maximum_sharpe(1.0, 100), 10)
        2.5306028932
    """
    if not 0 <= variance_of_trials < math.inf or not 1 <= trials < math.inf:
        raise InvalidConfig(
            "variance_of_trials >= 0 and trials >= 1 must hold, got "
            f"{variance_of_trials=}, {trials=}; count this trial too"
        )
    if trials == 1:
        return 0.0
    # -Φ⁻¹(p) is Φ⁻¹(1 - p) with all its digits.
    first, second = -special.ndtri(1 / trials), -special.ndtri(1 / (trials * math.e))
    highest = (1 - np.euler_gamma) * first + np.euler_gamma * second
    return float(math.sqrt(variance_of_trials) * highest)


def deflated_sharpe(returns: ReturnsOrMoments, variance_of_trials: float, trials: int) -> float:
    """Probability that the best of several trials has a true Sharpe ratio above 0.

    `probabilistic_sharpe` against `expected_maximum_sharpe` (Bailey & López de Prado 2014).

    Args:
        returns: (n,) simple returns per bar of the trial chosen, n >= 2, or their moments.
        variance_of_trials: Of all trials' Sharpe ratios per bar.
        trials: How many there were, this one among them.

    Returns:
        A probability.

    Raises:
        InvalidConfig: As the two.

    Example:
        2.5 a year over five years of 250 days, the best of 100 trials of variance 0.5 a year:

        >>> best = SharpeMoments(2.5 / math.sqrt(250), 1250, skewness=-3.0, kurtosis=10.0)
        >>> round(deflated_sharpe(best, variance_of_trials=0.5 / 250, trials=100), 9)
        0.900396834
    """
    return probabilistic_sharpe(returns, expected_maximum_sharpe(variance_of_trials, trials))


def minimum_track_record_length(
    returns: ReturnsOrMoments, benchmark: float = 0.0, confidence: float = 0.95
) -> float:
    """Bars that it takes for `probabilistic_sharpe` to reach a confidence, moments as they are.

        1 + (n - 1) (Φ⁻¹(confidence) · standard error / (SR - benchmark))²

    (Bailey & López de Prado 2012.)

    Args:
        returns: (n,) simple returns per bar, n >= 2, or their moments.
        benchmark: Sharpe ratio per bar.
        confidence: In [0.5, 1).

    Returns:
        Bars, 1 or more, not rounded.

    Raises:
        InvalidConfig: As `probabilistic_sharpe`; also a Sharpe ratio not above the benchmark, which
            no number of bars would prove, or a confidence out of range.

    Example:
        Years of 250 days for 2 against 1 a year, normal returns:

        >>> two, one = 2 / math.sqrt(250), 1 / math.sqrt(250)
        >>> round(minimum_track_record_length(SharpeMoments(two, n=100), one) / 250, 2)
        2.73
    """
    if not 0.5 <= confidence < 1:
        raise InvalidConfig(f"confidence must be in [0.5, 1), got {confidence!r}")
    moments = _moments(returns)
    above = _above(moments, benchmark)
    if above <= 0:
        raise InvalidConfig(
            f"the Sharpe ratio must be above the benchmark, got {moments.sharpe:g} and "
            f"{benchmark:g}; no number of bars would prove what is not there"
        )
    bars = float(special.ndtri(confidence)) * _error(moments) / above
    return 1 + (moments.n - 1) * bars**2


@dataclass(frozen=True, eq=False)
class Overfitting:
    """What choosing the best strategy on one half of the bars is worth on the other half.

    Attributes:
        pbo: Share of the C choices that fall below the median of the other half, at it counting
            half: 0.5 if choosing is worth nothing.
        logits: (C,) ln(ω / (1 - ω)), ω the chosen one's relative rank in the other half.
        chosen_sharpe: (C,) per bar, in the half it was chosen on.
        later_sharpe: (C,) of the same strategy, per bar, in the other half.
    """

    pbo: float
    logits: Vector
    chosen_sharpe: Vector
    later_sharpe: Vector

    @property
    def probability_of_loss(self) -> float:
        """Share of the choices whose Sharpe ratio in the other half is below 0."""
        return float(np.mean(self.later_sharpe < 0))


def probability_of_overfitting(returns: npt.ArrayLike, blocks: int = 16) -> Overfitting:
    """Probability of backtest overfitting by combinatorially symmetric cross-validation.

    Rows are cut into blocks of as equal a length as can be. For each of the C = blocks choose
    blocks / 2 halves, the strategy of highest Sharpe ratio is chosen on it and ranked r of N on the
    other: ω = r / (N + 1), and pbo the share of ω < 1/2 (Bailey, Borwein, López de Prado & Zhu
    2017). Equal ratios share their mean rank, and a tie for the best is averaged over.

    Args:
        returns: (T, N) simple returns per bar of N >= 2 strategies over the same bars in time
            order, T >= 2 · blocks.
        blocks: Even, 2 to 20.

    Returns:
        The share and what it follows from.

    Raises:
        InvalidConfig: Another shape, a value that is not finite, blocks out of range, or a strategy
            whose returns are constant, or on some half constant but not 0.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(1000, 8))
        >>> round(probability_of_overfitting(noise).pbo, 2)
        0.54
        >>> good = noise + [0.3, 0, 0, 0, 0, 0, 0, 0]
        >>> probability_of_overfitting(good).pbo
        0.0
    """
    sharpes = sharpes_of_halves(_strategies(returns, blocks), blocks)
    best = sharpes.max(axis=1)
    chosen = sharpes == best[:, None]
    later = sharpes[::-1]  # the other half of each
    rank = mean_ranks(later, chosen)
    logits = np.log(rank / (later.shape[1] + 1 - rank))
    pbo = float(np.mean(logits < 0) + np.mean(logits == 0) / 2)
    return Overfitting(pbo, logits, best, np.mean(later, axis=1, where=chosen))


def _moments(returns: ReturnsOrMoments) -> SharpeMoments:
    return returns if isinstance(returns, SharpeMoments) else sharpe_moments(returns)


def _above(moments: SharpeMoments, benchmark: float) -> float:
    """How far the Sharpe ratio is above a checked benchmark."""
    if not math.isfinite(benchmark):
        raise InvalidConfig(f"benchmark must be finite, a Sharpe ratio per bar, got {benchmark!r}")
    return moments.sharpe - benchmark


def _error(moments: SharpeMoments) -> float:
    """Standard error of a Sharpe ratio per bar that is not 0."""
    error = standard_error_of_sharpe(moments, moments.n - 1)
    if error == 0:
        raise InvalidConfig(
            f"the error of a Sharpe ratio must be above 0, got 0 for {moments}; "
            "returns of two values alone cannot be judged by their moments"
        )
    return error


def _strategies(returns: npt.ArrayLike, blocks: int) -> Table:
    """Checked (T, N) returns for a checked number of blocks."""
    if blocks % 2 or not 2 <= blocks <= _MOST_BLOCKS:
        raise InvalidConfig(f"blocks must be even and 2 to {_MOST_BLOCKS}, got {blocks!r}")
    table = np.asarray(returns, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2 or len(table) < 2 * blocks:
        raise InvalidConfig(
            f"returns must be (T, N) with T >= {2 * blocks} and N >= 2 strategies, "
            f"got {table.shape}; give more bars or strategies, or fewer blocks"
        )
    bad = np.flatnonzero(~np.isfinite(table).all(axis=0) | (np.ptp(table, axis=0) == 0))
    if bad.size:
        raise InvalidConfig(
            f"each strategy's returns must be finite and vary, but column {int(bad[0])} does not "
            f"({bad.size} such columns); drop them first"
        )
    return table
