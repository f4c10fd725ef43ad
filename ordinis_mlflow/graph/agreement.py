"""Agreement: how closely two runs of a model agree, and how closely they must."""

import numpy as np

from ordinis_mlflow.scoring.skill import rank_correlation
from ordinis_mlflow.signal import Signal, largest_difference
from ordinis_mlflow.verdict import Verdict

PARITY_LIMIT = 1e-5
"""Largest difference from the original, in units of the score."""
LEAST_RANK_CORRELATION = 0.999
MOST_FLIPS = 0.002


def parity(name: str, signal: Signal, reference: Signal) -> Verdict:
    """Whether a graph computes what it was exported from."""
    error = largest_difference(signal, reference)
    reason = f"largest difference over {len(signal)} windows, in units of the score"
    return Verdict(name, error <= PARITY_LIMIT, error, PARITY_LIMIT, reason)


def agreement(name: str, candidate: Signal, reference: Signal) -> tuple[Verdict, Verdict]:
    """Whether a smaller variant may stand in for the float32 graph, in terms of trading.

    Returns:
        The verdict on Spearman's correlation of probability_up, and the one on the share of windows
        whose direction differs.
    """
    probabilities = [signal.probability_up.astype(np.float64) for signal in (candidate, reference)]
    finite = np.isfinite(probabilities).all()
    correlation = rank_correlation(*probabilities) if finite else float("nan")
    flips = float(np.mean(candidate.direction != reference.direction))
    n = len(reference)
    return (
        Verdict(
            f"{name}_rank_correlation",
            correlation >= LEAST_RANK_CORRELATION,
            correlation,
            LEAST_RANK_CORRELATION,
            f"Spearman's correlation of probability_up with float32 over {n} windows",
        ),
        Verdict(
            f"{name}_direction_flips",
            flips <= MOST_FLIPS,
            flips,
            MOST_FLIPS,
            f"share of {n} windows whose direction differs from float32",
        ),
    )
