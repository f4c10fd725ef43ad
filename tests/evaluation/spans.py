"""Test spans made by formula, and predictions of them."""

import numpy as np

from ordinis_mlflow.evaluation import TestSpan
from ordinis_mlflow.prediction import Prediction

FREEDOM = 6.0


def span_of_returns(dates=250, symbols=("AAA",), horizon=1, cost_bps=0.0, seed=0):
    """Student-t returns in units of a volatility that breathes; rows in no order."""
    rng = np.random.default_rng(seed)
    t = np.tile(np.arange(dates), len(symbols))
    n = len(t)
    units = 0.01 * (1.5 + np.sin(t / 17.0))
    realised = units * 0.8 * rng.standard_t(FREEDOM, n)
    order = rng.permutation(n)
    times = np.datetime64("2024-01-01", "ns") + t * np.timedelta64(1, "D")
    return TestSpan(
        symbols=np.repeat(np.array(symbols), dates)[order],
        times=times[order],
        realised=realised[order],
        units=units[order],
        next_returns=np.expm1(realised[order]),
        horizon=horizon,
        cost_bps=cost_bps,
    )


def said(span, name="model", location=0.0, spread=0.8, position=None):
    """A forecast whose location and scale are given in units of volatility."""
    n = len(span)
    mean = np.broadcast_to(location, n) * span.units
    made = Prediction.student_t(name, mean, spread * span.units, FREEDOM, 0.0)
    if position is None:
        return made
    held = np.broadcast_to(np.asarray(position, float), n).copy()
    return Prediction(
        name, made.mean, made.scale, made.degrees_of_freedom, made.probability_up, held
    )


def knowing(span, share, seed=1, **settings):
    """A forecast that knows a share of what comes."""
    noise = np.random.default_rng(seed).normal(size=len(span))
    z = span.realised / span.units
    return said(span, location=share * z + 0.1 * (1.0 - share) * noise, **settings)
