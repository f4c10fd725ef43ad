"""JSON bodies of windows: ``inputs`` and ``instances``, as ``mlflow models serve`` reads them.

Stricter than MLflow's parser, which casts text and truth values to numbers: they are refused.
"""

import itertools
from typing import TypeAlias

import msgspec
import numpy as np

from ordinis_mlflow.bars import COLUMNS
from ordinis_mlflow.errors import InvalidWindows
from ordinis_mlflow.flavor import SignalModel
from ordinis_mlflow.flavor.model import Windows

Bar: TypeAlias = tuple[float, float, float, float, float]
Window: TypeAlias = list[Bar]


class Named(msgspec.Struct):
    """Windows under the name of the graph's input."""

    bars: list[Window]


class Instance(msgspec.Struct):
    """One window under the name of the graph's input."""

    bars: Window


def windows_of(given: list[Window], model: SignalModel) -> Windows:
    """Windows as the model takes them, checked; shape (n, lookback, 5).

    Raises:
        InvalidWindows: there are none, one has another length, or a bar breaks a rule.
    """
    lookback = model.contract.lookback
    if not given:
        raise InvalidWindows("there are no windows: send one at least")
    for number, window in enumerate(given):
        if len(window) != lookback:
            raise InvalidWindows(
                f"window {number} has {len(window)} bars, this model reads {lookback}"
            )
    shape = (len(given), lookback, len(COLUMNS))
    bars = itertools.chain.from_iterable(given)
    numbers = np.fromiter(itertools.chain.from_iterable(bars), np.float64, int(np.prod(shape)))
    return model.checked(numbers.reshape(shape))
