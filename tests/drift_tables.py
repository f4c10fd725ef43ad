"""Columns of several kinds, for the tests of drift."""

import numpy as np

NAMES = ("tails", "skewed", "steady", "counts")


def table(rows, seed=0):
    """Heavy tails, positive and skewed, normal, and small whole numbers."""
    rng = np.random.default_rng(seed)
    columns = [
        rng.standard_t(3, rows) * 0.01,
        np.exp(rng.normal(size=rows)) * 1e6,
        rng.normal(50.0, 5.0, rows),
        rng.integers(0, 4, rows).astype(float),
    ]
    return np.column_stack(columns)
