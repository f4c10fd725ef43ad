"""Chooser: the next configuration of a study, claimed for one worker while it holds the turn."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.samplers import BaseSampler, RandomSampler
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState

from ordinis_mlflow.params import Configuration, Space
from ordinis_mlflow.tuning.encoding import encoded, suggested
from ordinis_mlflow.tuning.heartbeat import Pulse
from ordinis_mlflow.tuning.methods import Method
from ordinis_mlflow.tuning.trial import CONFIGURATION, WORKER, retry_of

DRAWS, BLIND = 3, 3
"""How often the method draws, and chance after it, when the configuration was tried before; then
the grid is walked. A method that is sure of the best draws it again and again."""
FINEST = 2**16
"""Points of the finest grid that is walked in a space without an end."""


@dataclass(frozen=True)
class Claim:
    """A trial that this worker has to measure."""

    trial: optuna.Trial
    trial_id: int
    configuration: Configuration
    retry_of: int | None


@dataclass(frozen=True)
class Chooser:
    """Chooses what to try next.

    A trial has its configuration written to it, and then its worker: so it is claimed. A running
    one without a worker has nobody, where the turn is held: whoever chose it died.

    Attributes:
        study: of Optuna.
        space: of the configurations.
        method: how they are chosen.
        seed: of the study.
        worker: name of this one; None if nobody will ask for it by name.
        pulse: whether those of dead workers are tried again.
        storage: of the study.
    """

    study: optuna.Study
    space: Space
    method: Method
    seed: int
    worker: str | None
    pulse: Pulse
    storage: BaseStorage

    def next(self, at_most: int | None) -> Claim | None:
        """Whoever calls it holds the turn; None where nothing is left to try."""
        trials = self._without_dead()
        waiting = {trial.number: trial for trial in trials if trial.state == TrialState.WAITING}
        taken = {t.user_attrs[CONFIGURATION] for t in trials if CONFIGURATION in t.user_attrs}
        if not waiting and at_most is not None and len(taken) >= at_most:
            return None
        if not waiting and self.space.finite and self._untried(taken) is None:
            return None
        draws = [self.method.sampler] * len(waiting)
        if not self.method.walk:
            draws += [self.method.sampler] * DRAWS + [RandomSampler] * BLIND
        for number, sampler in enumerate(draws, len(trials)):
            claim = self._draw(sampler(_seed(self.seed, number)), waiting, taken)
            if claim is not None:
                return claim
        left = self._untried(taken)
        if left is None:
            return None
        self.study.enqueue_trial(encoded(self.space, left))
        return self._draw(RandomSampler(), {}, ())

    def _draw(
        self, sampler: BaseSampler, waiting: dict[int, FrozenTrial], taken: Collection[str]
    ) -> Claim | None:
        """A waiting trial, or a new one; None, and a failed one, if it was tried before."""
        self.study.sampler = sampler
        trial = self.study.ask()
        trial_id = self._alive(trial)
        configuration = suggested(trial, self.space)
        known = waiting.get(trial.number)
        again = known is not None and CONFIGURATION in known.user_attrs
        if configuration.to_json() in taken and not again:
            self.study.tell(trial, state=TrialState.FAIL)
            return None
        if not again:
            trial.set_user_attr(CONFIGURATION, configuration.to_json())
        trial.set_user_attr(WORKER, self.worker)
        return Claim(trial, trial_id, configuration, None if known is None else retry_of(known))

    def _untried(self, taken: Collection[str]) -> Configuration | None:
        """The first of the grid that nobody tried; of finer grids where there is no end."""
        grids = [self.method.points if self.method.walk else None]
        if not self.method.walk and not self.space.finite:
            grids = [2**power for power in range(1, FINEST.bit_length())]
        every = (configuration for points in grids for configuration in self.space.grid(points))
        return next((each for each in every if each.to_json() not in taken), None)

    def bury(self, worker: str) -> None:
        """Try again what a worker was at; whoever calls it holds the turn."""
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.user_attrs.get(WORKER) == worker:
                self._try_again(trial)

    def _without_dead(self) -> list[FrozenTrial]:
        """All trials, once those of dead workers are in the queue."""
        trials = self.study.get_trials(deepcopy=False)
        running = [trial for trial in trials if trial.state == TrialState.RUNNING]
        if not running:
            return trials
        for trial in running:
            if WORKER not in trial.user_attrs:
                self._try_again(trial)
        optuna.storages.fail_stale_trials(self.study)
        return self.study.get_trials(deepcopy=False)

    def _try_again(self, trial: FrozenTrial) -> None:
        try:
            self.storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        except UpdateFinishedTrialError:  # that was the last thing its worker did
            return
        self.pulse.retry()(self.study, trial)

    def _alive(self, trial: optuna.Trial) -> int:
        """Beat before it is claimed: a trial without a heartbeat is never missed."""
        trial_id: int = trial._trial_id  # all else asks the database for it
        if isinstance(self.storage, RDBStorage):
            self.storage.record_heartbeat(trial_id)
        return trial_id


def _seed(seed: int, number: int) -> int:
    """Of a trial's sampler: far from that of the trial before, whatever the study's seed."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
