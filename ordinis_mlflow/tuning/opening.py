"""Open a study: make it, or go on with it if it is the same one."""

from collections.abc import Sequence

import optuna
from optuna.pruners import BasePruner
from optuna.storages import BaseStorage

from ordinis_mlflow.errors import InvalidConfig, StudyDiffers
from ordinis_mlflow.params import Space
from ordinis_mlflow.tuning.chooser import Chooser
from ordinis_mlflow.tuning.database import Database
from ordinis_mlflow.tuning.encoding import encoded
from ordinis_mlflow.tuning.heartbeat import Pulse
from ordinis_mlflow.tuning.methods import Method, method_named, pruner_named
from ordinis_mlflow.tuning.optimiser import Objective
from ordinis_mlflow.tuning.quiet import quietly
from ordinis_mlflow.tuning.study import Study

SPACE, OBJECTIVES = "ordinis.space", "ordinis.objectives"


def open_study(
    name: str,
    space: Space,
    objectives: Sequence[Objective],
    *,
    url: str | None = None,
    method: str | Method = "tpe",
    pruner: str | BasePruner = "none",
    seed: int = 0,
    worker: str | None = None,
    pulse: Pulse | None = None,
    defaults_first: bool = True,
) -> Study:
    """Make a study, or go on with the one of this name.

    Args:
        name: of the study.
        space: of the configurations.
        objectives: what is measured; at least one.
        url: SQLAlchemy URL of MLflow's tracking database, beside whose tables the study is kept;
            None to keep it in memory.
        method: name of a built-in one, ``tpe``, ``gp``, ``cmaes``, ``nsgaii``, ``random`` or
            ``grid``, or a Method.
        pruner: ``none``, ``median``, ``wilcoxon`` or ``hyperband``, or one of Optuna's.
        seed: of the method, in [0, 2**32).
        worker: a name that no other one has, by which it can be buried.
        pulse: when a worker counts as dead.
        defaults_first: whether the first trial of a new study is the space's defaults.

    Raises:
        InvalidConfig: an argument is outside its range.
        StudyDiffers: a study of this name has another space or other objectives; nothing of it is
            changed.
        StudyError: the database cannot be used.
    """
    objectives = _checked(name, objectives, seed)
    method = method_named(method, len(objectives))
    pulse = Pulse() if pulse is None else pulse
    with quietly():
        chosen = pruner_named(pruner)
    database = Database(url, pulse)
    try:
        with database.translated(), database.turn(name), quietly():
            study = _load_or_create(database.storage, name, objectives, chosen)
            _agree(study, space, objectives)
            _make(study, space, objectives, defaults_first)
    except BaseException:
        database.close()
        raise
    chooser = Chooser(study, space, method, seed, worker, pulse, database.storage)
    return Study(chooser, objectives, database)


def _checked(name: str, objectives: Sequence[Objective], seed: int) -> tuple[Objective, ...]:
    if not isinstance(name, str) or not 0 < len(name) <= 512:
        raise InvalidConfig(f"a study's name has 1 to 512 letters, got {name!r:.80}")
    if type(seed) is not int or not 0 <= seed < 2**32:
        raise InvalidConfig(f"seed must be a whole number in [0, 2**32), got {seed!r}")
    names = [objective.name for objective in objectives]
    if not names or len(set(names)) < len(names):
        raise InvalidConfig(f"a study needs objectives with different names, got {names}")
    return tuple(objectives)


def _load_or_create(
    storage: BaseStorage, name: str, objectives: Sequence[Objective], pruner: BasePruner
) -> optuna.Study:
    sampler = optuna.samplers.RandomSampler()  # the chooser sets one for each trial
    try:
        return optuna.load_study(study_name=name, storage=storage, sampler=sampler, pruner=pruner)
    except KeyError:
        return optuna.create_study(
            study_name=name,
            storage=storage,
            sampler=sampler,
            pruner=pruner,
            directions=[objective.direction for objective in objectives],
        )


def _agree(study: optuna.Study, space: Space, objectives: Sequence[Objective]) -> None:
    """A study without a space has no trials either: whoever made it died before it was whole."""
    kept = study.user_attrs
    if SPACE not in kept and study.get_trials(deepcopy=False) and OBJECTIVES not in kept:
        raise StudyDiffers(f"study {study.study_name!r} was not made here: give yours another name")
    directions = [direction.name.lower() for direction in study.directions]
    names = kept.get(OBJECTIVES, [objective.name for objective in objectives])
    there = list(zip(names, directions, strict=False))
    here = [(objective.name, objective.direction) for objective in objectives]
    if there != here:
        raise StudyDiffers(
            f"study {study.study_name!r} has the objectives {there}, asked for were {here}: give "
            "it another name, or the objectives that it has"
        )
    other = Space.from_json(kept[SPACE]) if SPACE in kept else space
    if other != space:
        raise StudyDiffers(
            f"study {study.study_name!r} has the space {other.fingerprint()[:12]}, asked for was "
            f"{space.fingerprint()[:12]}: give it another name, or the space that it has. Asked "
            f"for against there: {'; '.join(space.differences(other))}"
        )


def _make(
    study: optuna.Study, space: Space, objectives: Sequence[Objective], defaults_first: bool
) -> None:
    """What a new study lacks; its space comes last, so that one with a space is whole."""
    if SPACE in study.user_attrs:
        return
    study.set_user_attr(OBJECTIVES, [objective.name for objective in objectives])
    if defaults_first and not study.get_trials(deepcopy=False):
        study.enqueue_trial(encoded(space, space.defaults()))
    study.set_user_attr(SPACE, space.to_json())
