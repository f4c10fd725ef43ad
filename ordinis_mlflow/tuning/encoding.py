"""A space in Optuna's terms, asked one parameter after the other, parents first.

- A special value is first decided on by a number in [0, 1], named ``<parameter>.special``: below
  the value's share it is chosen. So the share is what an optimiser without knowledge tries, and one
  with knowledge can move it.
- An ordinal is the number of its place, so that neighbours are near.
"""

from collections.abc import Mapping
from typing import Any

from optuna.trial import BaseTrial

from ordinis_mlflow.params import (
    BoolParam,
    CategoricalParam,
    Configuration,
    IntParam,
    OrdinalParam,
    Param,
    Space,
    Value,
)
from ordinis_mlflow.params.numeric import Number


def suggested(trial: BaseTrial, space: Space) -> Configuration:
    """The configuration that a trial's sampler decides on."""
    values: dict[str, Value] = {}
    for param in space.order:
        if space.reason_against(param.name, values) is None:
            values[param.name] = _ask(trial, param)
    return space.check(values)


def encoded(space: Space, configuration: Mapping[str, Value]) -> dict[str, Any]:
    """The parameters of a trial that decides on this configuration."""
    found: dict[str, Any] = {}
    for name, value in configuration.items():
        found.update(_encode(space[name], value))
    return found


def _ask(trial: BaseTrial, param: Param) -> Value:
    if isinstance(param, Number):
        return _ask_number(trial, param)
    if isinstance(param, OrdinalParam):
        return param.choices[trial.suggest_int(param.name, 0, len(param.choices) - 1)]
    if isinstance(param, CategoricalParam):
        return trial.suggest_categorical(param.name, param.choices)
    if isinstance(param, BoolParam):
        return trial.suggest_categorical(param.name, (False, True))
    raise TypeError(f"no Optuna distribution for a parameter of kind {param.kind!r}")


def _ask_number(trial: BaseTrial, param: Number) -> Value:
    if param.special:
        chosen = trial.suggest_float(_switch(param), 0.0, 1.0)
        for each, end in _shares(param):
            if chosen < end:
                return each
    if isinstance(param, IntParam):
        step = param.step or 1
        return trial.suggest_int(param.name, param.low, param.high, step=step, log=param.log)
    value = trial.suggest_float(param.name, param.low, param.high, step=param.step, log=param.log)
    return param.nearest(value)  # Optuna's steps are sums of floats


def _encode(param: Param, value: Value) -> dict[str, Any]:
    if isinstance(param, OrdinalParam):
        return {param.name: param.choices.index(value)}
    if not isinstance(param, Number) or not param.special:
        return {param.name: value}
    begin = 0.0
    for each, end in _shares(param):
        if value == each:
            return {_switch(param): (begin + end) / 2}
        begin = end
    return {_switch(param): (begin + 1.0) / 2, param.name: value}


def _switch(param: Number) -> str:
    """No parameter has this name: a dot is in no identifier."""
    return f"{param.name}.special"


def _shares(param: Number) -> list[tuple[float, float]]:
    """Special values, each with the end of its interval."""
    ends, end = [], 0.0
    for each in param.special:
        end += each.share
        ends.append((each.value, end))
    return ends
