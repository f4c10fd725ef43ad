"""Figures of a study, as pages of HTML that need nothing else: no network, and no file beside them.

Each page holds plotly's JavaScript once, which is 4.6 MB of it whatever it shows.
"""

import html
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from optuna import Study as OptunaStudy
from optuna import visualization
from optuna.trial import FrozenTrial

from ordinis_mlflow.tuning.optimiser import Objective
from ordinis_mlflow.tuning.quiet import quietly
from ordinis_mlflow.tuning.study import Study

Figure: TypeAlias = Any  # plotly's Figure: Optuna makes it
Target: TypeAlias = Callable[[FrozenTrial], float]
LEAST_TRIALS = 2
"""Fewer complete ones leave nothing to compare."""
PARETO = (2, 3)
"""Objectives of which a front can be drawn."""


def pages(study: Study) -> Mapping[str, str]:
    """HTML by name: history, importance, parallel_coordinate and slice; pareto where there is one.

    Parameters are in Optuna's terms (see encoding). Each page has a figure for each objective.

    Args:
        study: of any number of trials; of fewer than two complete ones there is no page.
    """
    complete = sum(trial.state == "complete" for trial in study.trials())
    if complete < LEAST_TRIALS:
        return {}
    with quietly():
        made = {name: _each(study, draw) for name, draw in KINDS.items()}
        names = [objective.name for objective in study.objectives]
        if len(names) in PARETO:
            made["pareto"] = [visualization.plot_pareto_front(study.optuna, target_names=names)]
    return {name: page(f"{study.name}: {name}", figures) for name, figures in made.items()}


def page(title: str, figures: Sequence[Figure]) -> str:
    """A page of figures, one below the other."""
    first, *others = figures
    parts = [first.to_html(full_html=False, include_plotlyjs=True)]
    parts += [each.to_html(full_html=False, include_plotlyjs=False) for each in others]
    head = f'<head><meta charset="utf-8"><title>{html.escape(title)}</title></head>'
    return f"<!doctype html>\n<html>{head}<body>\n{''.join(parts)}\n</body></html>\n"


def importance(
    study: OptunaStudy, target: Target | None, target_name: str, maximised: bool
) -> Figure:
    """How much each parameter matters to being among the best (PED-ANOVA, Watanabe et al. 2023)."""

    def lost(trial: FrozenTrial) -> float:
        assert target is not None
        return -target(trial) if maximised else target(trial)

    with warnings.catch_warnings():
        # That few trials say little, and that less of a target counts as better.
        warnings.simplefilter("ignore", UserWarning)
        return visualization.plot_param_importances(
            study, target=None if target is None else lost, target_name=target_name
        )


def _plain(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """One to which it is no matter which way is better."""

    def drawn(study: OptunaStudy, target: Target | None, name: str, _: bool) -> Figure:
        return draw(study, target=target, target_name=name)

    return drawn


KINDS: Mapping[str, Callable[..., Figure]] = {
    "history": _plain(visualization.plot_optimization_history),
    "importance": importance,
    "parallel_coordinate": _plain(visualization.plot_parallel_coordinate),
    "slice": _plain(visualization.plot_slice),
}


def _each(study: Study, draw: Callable[..., Figure]) -> list[Figure]:
    """A figure an objective."""
    several = len(study.objectives) > 1
    return [
        # Optuna wants to be told which only where there are several.
        draw(study.optuna, _value(index) if several else None, *_said(objective))
        for index, objective in enumerate(study.objectives)
    ]


def _said(objective: Objective) -> tuple[str, bool]:
    return objective.name, objective.direction == "maximize"


def _value(index: int) -> Target:
    def value(trial: FrozenTrial) -> float:
        return float(trial.values[index])

    return value
