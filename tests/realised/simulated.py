"""Stationary markets in which a model forecasts with a known skill: GARCH, and a slow signal."""

import numpy as np
from scipy import signal

from ordinis_mlflow.realised import Matured
from ordinis_mlflow.scoring.forecast import log_score_nats, probability_integral_transform

NU = 6
PERSISTENCE = 0.9
BURN = 300


def market(bars, skill, rng):
    """Returns, their volatility as known before, and a signal that tells a little of the next."""
    n = bars + BURN
    noise = rng.standard_t(NU, n) * np.sqrt((NU - 2) / NU)
    said = signal.lfilter([np.sqrt(1 - PERSISTENCE**2)], [1, -PERSISTENCE], rng.standard_normal(n))
    variance, returns, deviation = 1.0, np.empty(n), np.empty(n)
    for t in range(n):
        deviation[t] = np.sqrt(variance)
        returns[t] = deviation[t] * noise[t]
        variance = 0.03 + 0.07 * returns[t] ** 2 + 0.9 * variance
    returns[1:] += skill * said[:-1] * deviation[1:]
    return returns[BURN:], deviation[BURN:], said[BURN:]


def matured(dates, horizon, skill, rng, symbols=1, works=1.0):
    """What a model said and what happened; ``works`` is the share of its skill that is left."""
    parts = [one_symbol(dates, horizon, skill, rng, works) for _ in range(symbols)]
    times, mean, realised, pit, better = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Matured(times.astype(object), times, times, mean, realised, pit, better, horizon)


def one_symbol(dates, horizon, skill, rng, works):
    returns, deviation, said = market(dates + horizon + 20, skill * works, rng)
    at = np.arange(19, 19 + dates)
    windows = np.lib.stride_tricks.sliding_window_view(returns, 20)
    unit = windows.std(axis=1)[:dates] * np.sqrt(horizon)
    path = np.concatenate([[0.0], np.cumsum(returns)])
    happened = path[at + 1 + horizon] - path[at + 1]
    known = deviation[at + 1] * np.sqrt(horizon)
    ahead = (1 - PERSISTENCE**horizon) / (1 - PERSISTENCE)
    mean = skill * said[at] * ahead * deviation[at + 1]
    scale = known * np.sqrt((NU - 2) / NU)
    naive = unit * np.sqrt((NU - 2) / NU)
    better = log_score_nats(happened, mean, scale, NU) - log_score_nats(
        happened, np.zeros(dates), naive, NU
    )
    pit = probability_integral_transform(happened, mean, scale, NU)
    return np.arange(dates), mean / unit, happened / unit, pit, better
