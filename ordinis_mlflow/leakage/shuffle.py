"""Shuffle: the pipeline on bars whose moves came in a random order, where nothing can be foreseen.

The whole pipeline is run on `variants.shuffled` bars: features, training and all. What it scores on
the test part there was not foreseen but seen.

Sees: whatever tells a forecast its own outcome, by whichever way, if the model learnt to use it: a
feature that peeks, a window that ends a bar late, an outcome that is a past return, a row of the
test part among the training rows that neighbours it.

Does not see: leaks that tell nothing of a single outcome's direction (a scaler fitted on all rows);
a peek that the model did not learn to use; skill that volatility gives to the width of a forecast.

False alarms: 0.27 % for each of the two verdicts by construction (three errors of a normal score,
on two sides; see `vanish`). Measured on 500 random markets each: 0.4 % or less, and 1.2 % where a
test part of 55 dates holds but 11 labels of 5 bars that do not overlap. The order is drawn from a
seed: on another seed a false alarm goes away, and a leak does not.
"""

import numpy as np

from ordinis_mlflow.bars import Bars
from ordinis_mlflow.leakage.fitted import Fitted, Pipeline
from ordinis_mlflow.leakage.vanish import Remnant, hit_rate, overlap, rank_ic
from ordinis_mlflow.leakage.variants import shuffled
from ordinis_mlflow.verdict import Verdict

CHANCE = 0.0027
"""Probability that a normal score lies beyond three of its errors."""


def shuffle(pipeline: Pipeline, bars: Bars, seed: int) -> list[Verdict]:
    """Whether the pipeline finds nothing where nothing is; runs it once.

    Args:
        pipeline: what is audited.
        bars: all of them.
        seed: of the order of moves.
    """
    return vanished(pipeline.fit(shuffled(bars, seed)))


def vanished(fitted: Fitted) -> list[Verdict]:
    """Whether the test scores of a run on shuffled bars are those of chance."""
    test, outcomes = fitted.test, fitted.outcomes
    realised = outcomes.values[test].astype(np.float64)
    mean, lean = fitted.prediction.mean[test], fitted.prediction.probability_up[test] - 0.5
    # Each symbol has an order of its own, so only overlapping labels depend on each other.
    independent = 1.0 / fitted.horizon
    ranked = rank_ic(mean, realised, outcomes.times[test], overlap(fitted.horizon), CHANCE)
    hits = hit_rate(lean, realised, independent, CHANCE)
    return [
        _verdict("shuffled_rank_ic", "rank correlation", ranked),
        _verdict("shuffled_hit_rate", "hit rate less that of chance", hits),
    ]


def _verdict(name: str, what: str, remnant: Remnant) -> Verdict:
    passed = remnant.score <= remnant.limit
    reason = f"on bars in a random order the test's {what} vanishes"
    if not passed:
        reason = (
            f"the test's {what} survives a random order of bars: a feature, a window or an outcome "
            "tells the forecast what it is to foresee"
        )
    return Verdict(name, passed, remnant.score, remnant.limit, reason)
