"""The highest load that a server sustains: rising rates until one is too much, then between."""

from collections.abc import Callable
from typing import TypeAlias

from bench.load.open import OpenLoop
from ordinis_mlflow.errors import ServingError

Trial: TypeAlias = Callable[[float], OpenLoop]
"""Requests a second to what became of them."""
TRIES = 2
"""A rate is too much when so many trials in turn fail: another process may be to blame for one."""
LEAST = 1.0


def sustained(load: OpenLoop, limit_s: float) -> bool:
    """Whether every request was answered with 200, and 99 % of them within the limit.

    Above what a server can do a queue grows for as long as the load lasts, and with it latency: by
    a twentieth of the time at 5 % too much.
    """
    return load.errors == 0 and load.quantile_s(0.99) <= limit_s


def highest_sustained(
    trial: Trial, start: float, limit_s: float = 0.05, growth: float = 1.25, step: float = 1.05
) -> float:
    """The highest rate found that the server sustains, in requests a second.

    Args:
        trial: loads the server at a rate.
        start: first rate.
        limit_s: see :func:`sustained`.
        growth: factor between rates that rise, or fall if the first is too much already.
        step: the answer is at most this factor below a rate that was too much.

    Raises:
        ServingError: not even one request a second is sustained.
    """

    def holds(rate: float) -> bool:
        return any(sustained(trial(rate), limit_s) for _ in range(TRIES))

    low, high = _bracket(holds, start, growth)
    while high > low * step:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _bracket(holds: Callable[[float], bool], start: float, growth: float) -> tuple[float, float]:
    """A rate that holds and one, ``growth`` times as high, that does not."""
    low = start
    while not holds(low):
        low /= growth
        if low < LEAST:
            raise ServingError(f"the server does not sustain {LEAST:g} request a second")
    high = low * growth
    while low >= start and holds(high):
        low, high = high, high * growth
    return low, high
