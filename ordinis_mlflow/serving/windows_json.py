"""JSON bodies of windows: ``inputs`` and ``instances``, as ``mlflow models serve`` reads them.

Stricter than MLflow's parser, which casts text and truth values to numbers: they are refused.
"""

import itertools
from typing import TypeAlias

import msgspec
import numpy as np

from ordinis_mlflow.bars import COLUMNS
from ordinis_mlflow.errors import InvalidWindows, RequestRefused
from ordinis_mlflow.flavor import SignalModel
from ordinis_mlflow.flavor.model import Windows
from ordinis_mlflow.serving.arms import Asked
from ordinis_mlflow.serving.strict_json import decode, decoder

Bar: TypeAlias = tuple[float, float, float, float, float]
Window: TypeAlias = list[Bar]


class Named(msgspec.Struct):
    """Windows under the name of the graph's input."""

    bars: list[Window]


class Instance(msgspec.Struct):
    """One window under the name of the graph's input."""

    bars: Window


class WindowsBody(msgspec.Struct):
    """A body; like MLflow, other fields are passed over."""

    inputs: list[Window] | Named | msgspec.UnsetType = msgspec.UNSET
    instances: list[Window | Instance] | msgspec.UnsetType = msgspec.UNSET


_DECODER = decoder(WindowsBody)


def read_windows(body: bytes, model: SignalModel) -> Asked:
    """What a JSON body of windows asks.

    Raises:
        RequestRefused: not JSON, a value of another type, or not exactly one of the two forms.
        InvalidWindows: wrong shape, or a bar breaks a rule.
    """
    given: WindowsBody = decode(body, _DECODER)
    inputs, instances = given.inputs, given.instances
    if isinstance(inputs, msgspec.UnsetType) == isinstance(instances, msgspec.UnsetType):
        raise RequestRefused(400, "invalid_json", "send exactly one of inputs and instances")
    if isinstance(inputs, Named):
        return Asked(windows_of(inputs.bars, model))
    if not isinstance(inputs, msgspec.UnsetType):
        return Asked(windows_of(inputs, model))
    assert not isinstance(instances, msgspec.UnsetType)
    return Asked(windows_of([w.bars if isinstance(w, Instance) else w for w in instances], model))


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
