"""Study: an optimiser whose trials are in a database, for any number of workers."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from ordinis_mlflow.errors import InvalidConfig, ObjectiveNotFinite, TrialLost
from ordinis_mlflow.tuning.chooser import Chooser
from ordinis_mlflow.tuning.database import Database
from ordinis_mlflow.tuning.heartbeat import Heartbeat
from ordinis_mlflow.tuning.optimiser import (
    Failed,
    Objective,
    Optimiser,
    Outcome,
    Pruned,
    Suggestion,
)
from ordinis_mlflow.tuning.quiet import quietly
from ordinis_mlflow.tuning.retry import Retry
from ordinis_mlflow.tuning.trial import CONFIGURATION, FAILURE, Trial
from ordinis_mlflow.tuning.values import not_finite, number, ordered

INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class _Open:
    """A trial that this worker has to observe."""

    trial: optuna.Trial
    trial_id: int
    steps: set[int] = field(default_factory=set)


class Study(Optimiser):
    """An optimiser with a memory; ``open_study`` makes it.

    Any number of processes may work on one study. One at a time suggests, so that each sees what
    the others are at and no configuration is tried twice. Threads of a process may share it.

    A worker that is killed is noticed by its silence, or buried by whoever saw it end: its trials
    are failed and their configurations suggested again. One that ends orderly, by Ctrl-C or an
    exception, leaves its open trials to the next one when the study is closed, which ``with`` does.

    Args:
        chooser: of the next configuration.
        objectives: that are observed, in their order.
        database: that the study is in.
    """

    def __init__(
        self, chooser: Chooser, objectives: Sequence[Objective], database: Database
    ) -> None:
        self.space, self.objectives = chooser.space, tuple(objectives)
        self._chooser, self._database = chooser, database
        self._storage = database.storage
        self._open: dict[int, _Open] = {}
        self._finished: dict[int, Trial] = {}
        self._heartbeat: Heartbeat | None = None
        if isinstance(self._storage, RDBStorage):
            self._heartbeat = Heartbeat(self._storage.record_heartbeat, chooser.pulse.every_s)

    def __enter__(self) -> "Study":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """Of the study."""
        return self.optuna.study_name

    @property
    def optuna(self) -> optuna.Study:
        """Optuna's study, for its figures; parameters have Optuna's terms there (see encoding)."""
        return self._chooser.study

    def suggest(self, at_most: int | None = None) -> Suggestion | None:
        """The next configuration: one that no worker tried, or whose worker died.

        Args:
            at_most: so many configurations in the whole study, by all workers, now and before.

        Returns:
            None when there are so many, or the space has no others.

        Raises:
            StudyError: the database cannot be used.
        """
        with self._database.translated(), self._database.turn(self.name), quietly():
            claim = self._chooser.next(at_most)
            if claim is None:
                return None
            self._open[claim.trial.number] = _Open(claim.trial, claim.trial_id)
            if self._heartbeat is not None:
                self._heartbeat.add(claim.trial_id)
        return Suggestion(claim.trial.number, claim.configuration, claim.retry_of)

    def report(self, suggestion: Suggestion, step: int, value: float) -> bool:
        """Tell how a trial is doing; see Optimiser."""
        opened = self._mine(suggestion)
        if type(step) is not int or step < 0 or step in opened.steps:
            raise InvalidConfig(f"a step is a whole number from 0 on that comes once, got {step!r}")
        plain = number("a report", value)
        self._refuse_not_finite(opened, {f"report {step}": plain})
        opened.steps.add(step)
        if len(self.objectives) > 1:  # Optuna prunes by one objective
            return False
        try:
            with self._database.translated():
                opened.trial.report(plain, step)
                return opened.trial.should_prune()
        except UpdateFinishedTrialError as error:
            raise self._lost(opened) from error

    def observe(self, suggestion: Suggestion, outcome: Outcome) -> None:
        """Tell what came of a suggestion; see Optimiser."""
        opened = self._mine(suggestion)
        if isinstance(outcome, Failed):
            self._tell(opened, TrialState.FAIL, reason=outcome.reason)
        elif isinstance(outcome, Pruned):
            self._tell(opened, TrialState.PRUNED)
        else:
            values = ordered(outcome, self.objectives)
            self._refuse_not_finite(opened, outcome)
            self._tell(opened, TrialState.COMPLETE, values)

    def is_open(self, suggestion: Suggestion) -> bool:
        """Whether this worker still has to observe it."""
        return suggestion.number in self._open

    def trials(self) -> tuple[Trial, ...]:
        """Every attempt, of all workers, in the order of their numbers."""
        with self._database.translated():
            kept = self.optuna.get_trials(deepcopy=False)
        return tuple(self._trial(trial) for trial in kept if CONFIGURATION in trial.user_attrs)

    def best(self) -> tuple[Trial, ...]:
        """The complete trials that no other one is better than, in the order of their numbers.

        Several where there are several objectives (the Pareto front), or equal values; none while
        no trial is complete.
        """
        with self._database.translated():
            numbers = {trial.number for trial in self.optuna.best_trials}
        return tuple(trial for trial in self.trials() if trial.number in numbers)

    def bury(self, worker: str) -> None:
        """Fail at once what a dead worker was at, and have it tried again.

        Args:
            worker: its name, as it opened the study.

        Raises:
            StudyError: the database cannot be used.
        """
        with self._database.translated(), self._database.turn(self.name), quietly():
            self._chooser.bury(worker)

    def close(self) -> None:
        """Put back what is open, and close the connections."""
        try:
            for opened in tuple(self._open.values()):
                with contextlib.suppress(TrialLost):  # somebody else has it already
                    self._put_back(opened)
        finally:
            if self._heartbeat is not None:
                self._heartbeat.close()
            self._database.close()

    def _trial(self, kept: FrozenTrial) -> Trial:
        """Finished ones do not change, and are read again and again while others are measured."""
        found = self._finished.get(kept.number)
        if found is None:
            found = Trial.of(kept, self.objectives)
            if kept.state.is_finished():
                self._finished[kept.number] = found
        return found

    def _put_back(self, opened: _Open) -> None:
        """Leave a configuration to whoever comes next."""
        with self._database.translated():
            before = self._storage.get_trial(opened.trial_id)
        self._tell(opened, TrialState.FAIL, reason=INTERRUPTED)
        with self._database.translated(), quietly():
            Retry()(self.optuna, before)

    def _mine(self, suggestion: Suggestion) -> _Open:
        opened = self._open.get(suggestion.number)
        if opened is None:
            raise TrialLost(
                f"trial {suggestion.number} of study {self.name!r} is not open in this worker: it "
                "was observed before, or suggested by another one"
            )
        return opened

    def _refuse_not_finite(self, opened: _Open, values: Mapping[str, float]) -> None:
        found = not_finite(values)
        if found:
            self._tell(opened, TrialState.FAIL, reason=found)
            raise ObjectiveNotFinite(
                f"trial {opened.trial.number} of study {self.name!r}: {found}; it is kept as "
                "failed, and all others as they were"
            )

    def _tell(
        self,
        opened: _Open,
        state: TrialState,
        values: Sequence[float] | None = None,
        reason: str | None = None,
    ) -> None:
        try:
            with self._database.translated():
                if reason is not None:
                    opened.trial.set_user_attr(FAILURE, reason)
                self.optuna.tell(opened.trial, values, state)
        except (ValueError, UpdateFinishedTrialError) as error:
            if self._storage.get_trial(opened.trial_id).state == TrialState.RUNNING:
                raise
            raise self._lost(opened) from error
        self._forget(opened)

    def _lost(self, opened: _Open) -> TrialLost:
        self._forget(opened)
        silence = self._chooser.pulse.dead_after_s
        return TrialLost(
            f"trial {opened.trial.number} of study {self.name!r} is finished already: another "
            f"worker heard nothing of this one for {silence} s, took it for dead and tries the "
            "configuration again"
        )

    def _forget(self, opened: _Open) -> None:
        self._open.pop(opened.trial.number, None)
        if self._heartbeat is not None:
            self._heartbeat.remove(opened.trial_id)
