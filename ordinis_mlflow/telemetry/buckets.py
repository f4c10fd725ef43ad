"""Bounds of histograms, and what reading a quantile between them costs.

Prometheus' ``histogram_quantile`` interpolates linearly inside the bucket (a, b] that holds the
rank. The values may lie anywhere in it: if all lie just above a, a high rank reads b, which is
b / a − 1 too much; no other place is worse. So a bound of 10 % on any latencies whatever, the very
steady ones of a good server included, needs b / a ≤ 1.1, and to cover 0.1 ms to 1 s with the fewest
buckets all ratios are equal: n = ⌈ln(10⁴) / ln(1.1)⌉ = 97.
"""

import math

LATENCY_RANGE_S = (1e-4, 1.0)
QUANTILE_ERROR = 0.10
"""Largest relative error of a quantile inside the range."""
DIGITS = 5
"""Significant digits of a bound: it is a label, and is read by people."""


def geometric(low: float, high: float, error: float) -> tuple[float, ...]:
    """The fewest bounds from low to high between which a quantile is read with this error.

    Args:
        low: the first bound, > 0; values below it are only known to be below it.
        high: the last bound; the bucket above it is the library's.
        error: largest relative error, > 0.

    >>> geometric(1.0, 8.0, 1.0)
    (1.0, 2.0, 4.0, 8.0)
    """
    buckets = math.ceil(math.log(high / low) / math.log1p(error) - 1e-9)
    ratio = high / low
    return tuple(float(f"{low * ratio ** (i / buckets):.{DIGITS}g}") for i in range(buckets + 1))


LATENCY_S = geometric(*LATENCY_RANGE_S, QUANTILE_ERROR)
"""Of requests and of the model: 98 bounds."""
QUEUE_S = (0.0, *geometric(5e-5, 1.0, 0.75))
"""Of the queue: whether there was a wait (0 is a bucket), and its size within a factor of 1.75."""
BATCH_WINDOWS = tuple(float(2**i) for i in range(13))
"""Of batches: powers of two to 4096; 1, the batch that was none, is exact."""
RELOAD_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
PROBABILITY = tuple(round(0.05 * i, 2) for i in range(1, 20))
STRENGTH = tuple(round(0.1 * i, 1) for i in range(1, 10))
DIFFERENCE = (0.0, *(10.0**i for i in range(-6, -2)), 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Of |Δmean| / scale: below 1e-2 it is arithmetic, above it opinion; 0 is bit for bit."""
