"""When an open loop sends: seconds from its start, ascending."""

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig


def constant(rate: float, seconds: float) -> npt.NDArray[np.float64]:
    """``rate`` requests a second, evenly spaced."""
    return np.arange(_count(rate, seconds)) / rate


def poisson(rate: float, seconds: float, seed: int = 0) -> npt.NDArray[np.float64]:
    """``rate`` requests a second on average, as from many clients who do not know each other.

    The gaps are exponential: the arrivals of a Poisson process. As many as :func:`constant` sends.
    """
    count = _count(rate, seconds)
    return np.cumsum(np.random.default_rng(seed).exponential(1 / rate, count))


def _count(rate: float, seconds: float) -> int:
    count = round(rate * seconds) if rate > 0 else 0
    if count < 1:
        raise InvalidConfig(f"rate and seconds must make one request at least, got {rate, seconds}")
    return count
