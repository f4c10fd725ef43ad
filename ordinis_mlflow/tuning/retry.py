"""Retry: the configuration of a trial that nobody is at any more goes back into the queue."""

import copy

import optuna
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial

from ordinis_mlflow.tuning.quiet import quietly
from ordinis_mlflow.tuning.trial import WORKER


class Retry:
    """Queues a failed trial's configuration, as a trial that no worker has claimed.

    Args:
        at_most: so often; None for ever.
    """

    def __init__(self, at_most: int | None = None) -> None:
        with quietly():
            self._queue = RetryHeartbeatStaleTrialCallback(max_retry=at_most)

    def __call__(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """As Optuna calls it for a stale trial."""
        left = copy.copy(trial)
        left.user_attrs = {k: v for k, v in trial.user_attrs.items() if k != WORKER}
        self._queue(study, left)
