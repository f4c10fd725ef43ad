"""The built-in methods: each an Optuna sampler, by name.

A sampler is made anew for every suggestion, seeded by the study's seed and the trial's number: a
study that was stopped and resumed suggests what one that ran through would have.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from ordinis_mlflow.errors import InvalidConfig

MakeSampler: TypeAlias = Callable[[int], BaseSampler]


@dataclass(frozen=True)
class Method:
    """A way to choose configurations.

    Attributes:
        name: for people.
        sampler: makes the Optuna sampler for a seed.
        several: whether it can follow several objectives.
        walk: whether configurations are taken in the order of the space's grid, and not sampled.
        points: of that grid, at most, per range; None for all values.
    """

    name: str
    sampler: MakeSampler
    several: bool = True
    walk: bool = False
    points: int | None = None


def grid(points: int | None = 10) -> Method:
    """Every configuration of the space's grid, in its order.

    Optuna's own GridSampler takes the product of all values, conditions or not; this one leaves out
    what a condition does.

    Args:
        points: at most this many values of each range; None for all, in finite spaces only.
    """
    return Method("grid", _random, walk=True, points=points)


def _random(seed: int) -> BaseSampler:
    return optuna.samplers.RandomSampler(seed)


def _tpe(seed: int) -> BaseSampler:
    # group: parameters that are active together are modelled together, conditions or not.
    # constant_liar: what other workers are at is taken into account.
    return optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)


def _gp(seed: int) -> BaseSampler:
    return optuna.samplers.GPSampler(seed=seed, warn_independent_sampling=False)


def _cmaes(seed: int) -> BaseSampler:
    return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)


def _nsgaii(seed: int) -> BaseSampler:
    return optuna.samplers.NSGAIISampler(seed=seed)


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        method.name: method
        for method in (
            Method("tpe", _tpe),
            Method("gp", _gp),
            # Optuna keeps the state of CMA-ES pickled in the study's tables: whoever can write
            # there can run code in the workers. Conditional and categorical parameters are random.
            Method("cmaes", _cmaes, several=False),
            Method("nsgaii", _nsgaii),
            Method("random", _random),
            grid(),
        )
    }
)
PRUNERS: Mapping[str, Callable[[], BasePruner]] = MappingProxyType(
    {
        "none": optuna.pruners.NopPruner,
        # Worse than the median of the others at the same step; for epochs.
        "median": optuna.pruners.MedianPruner,
        # Significantly worse than the best on the same folds; steps are numbers of folds.
        "wilcoxon": optuna.pruners.WilcoxonPruner,
        "hyperband": optuna.pruners.HyperbandPruner,
    }
)


def method_named(method: str | Method, objectives: int) -> Method:
    """Look a method up, and hold it to the number of objectives.

    Raises:
        InvalidConfig: there is none of this name, or it follows one objective only.
    """
    if isinstance(method, str):
        if method not in METHODS:
            raise InvalidConfig(f"optimiser {method!r} is none of {list(METHODS)}")
        method = METHODS[method]
    if objectives > 1 and not method.several:
        able = [name for name, each in METHODS.items() if each.several]
        raise InvalidConfig(
            f"optimiser {method.name!r} follows one objective, got {objectives}: use one of {able}"
        )
    return method


def pruner_named(pruner: str | BasePruner) -> BasePruner:
    """Look a pruner up.

    Raises:
        InvalidConfig: there is none of this name.
    """
    if isinstance(pruner, BasePruner):
        return pruner
    if pruner not in PRUNERS:
        raise InvalidConfig(f"pruner {pruner!r} is none of {list(PRUNERS)}")
    return PRUNERS[pruner]()
