"""The loop of one worker: suggest, measure, observe."""

import logging
import time
from collections.abc import Callable
from typing import TypeAlias

from ordinis_mlflow.errors import InvalidConfig, TrialLost
from ordinis_mlflow.tuning.optimiser import Failed, Outcome, Suggestion
from ordinis_mlflow.tuning.study import Study

LOG = logging.getLogger(__name__)

Report: TypeAlias = Callable[[int, float], bool]
"""Step and value, to whether the trial should stop."""
Measure: TypeAlias = Callable[[Suggestion, Report], Outcome]


def run_trials(
    study: Study,
    measure: Measure,
    trials: int,
    timeout_s: float | None = None,
    catch: tuple[type[Exception], ...] = (),
) -> int:
    """Measure configurations until the study has enough of them.

    Ctrl-C keeps what is done. KeyboardInterrupt goes on to the caller, and when the study is closed
    the configuration that was being measured is put back for whoever resumes.

    Args:
        study: any number of processes may run on one.
        measure: gives a suggestion's values, or Pruned or Failed; it may report as it goes.
        trials: configurations in the whole study, by all workers, now and before.
        timeout_s: no trial begins later than so many seconds from now.
        catch: errors that fail their trial only; all others fail it and go on to the caller.

    Returns:
        How many trials this worker finished.

    Raises:
        InvalidConfig: the numbers are outside their range, or the outcome is not the objectives'.
        ObjectiveNotFinite: a value is nan or infinite; that trial is kept as failed.
        StudyError: the database cannot be used.
    """
    if type(trials) is not int or trials < 1 or (timeout_s is not None and not timeout_s > 0):
        raise InvalidConfig(f"trials and timeout_s must be positive, got {trials}, {timeout_s}")
    end = float("inf") if timeout_s is None else time.monotonic() + timeout_s
    finished = 0
    while time.monotonic() < end:
        suggestion = study.suggest(at_most=trials)
        if suggestion is None:
            break
        try:
            _run(study, suggestion, measure, catch)
        except TrialLost:
            LOG.warning("what this worker measured is lost", exc_info=True)
        else:
            finished += 1
    return finished


def _run(
    study: Study, suggestion: Suggestion, measure: Measure, catch: tuple[type[Exception], ...]
) -> None:
    def report(step: int, value: float) -> bool:
        return study.report(suggestion, step, value)

    try:
        study.observe(suggestion, measure(suggestion, report))
    except TrialLost:
        raise
    except Exception as error:
        _fail(study, suggestion, error)
        if not isinstance(error, catch):
            raise


def _fail(study: Study, suggestion: Suggestion, error: Exception) -> None:
    if study.is_open(suggestion):  # else it failed by what was observed
        study.observe(suggestion, Failed(f"{type(error).__name__}: {error}"))
