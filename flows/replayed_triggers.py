"""Triggers of a replay: ours, as the monitor has it, and Evidently's default decision."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.reference import reference_table
from flows.replayed_fit import Fitted
from flows.replayed_history import History
from flows.replayed_performance import ModelPerformance
from ordinis_mlflow.drift import DriftReference, DriftTable, fit_reference
from ordinis_mlflow.drift.fitting import WINDOW
from ordinis_mlflow.drift.preset import preset_drift
from ordinis_mlflow.retraining import (
    RETRAIN,
    LoopState,
    Observation,
    RetrainPolicy,
    decided,
    observe,
    release,
    trained,
)


class LoopTrigger:
    """The loop's state machine, with drift and realised performance of the model in force.

    Args:
        history: that is replayed.
        policy: of the loop.
        release_bars: an operator closes an open circuit so many bars after it opened.
    """

    def __init__(self, history: History, policy: RetrainPolicy, release_bars: int) -> None:
        self._history = history
        self._policy = policy
        self._release_bars = release_bars
        self._state = LoopState()
        self._released: list[np.datetime64] = []
        self._watched: tuple[ModelDrift, ModelPerformance] | None = None

    @property
    def released(self) -> tuple[np.datetime64, ...]:
        """Bars at which the operator came."""
        return tuple(self._released)

    def look(self, champion: Fitted, now: np.datetime64) -> tuple[bool, str]:
        """As the entry point ``monitor`` does."""
        self._release(now)
        drift, performance = self._watch(champion)
        alarm, worse = drift.alarm(now), performance.worse(now)
        times = self._history.until(now).astype(np.int64)
        # Age is counted from the newest bar that the training knew of.
        seen = Observation(times, alarm, worse, int(champion.known.astype(np.int64)))
        self._state = observe(self._state, seen, self._policy).state
        return alarm, self._state.cause if self._state.phase == RETRAIN else ""

    def ended(self, promoted: bool, reason: str) -> None:
        """The gates have decided."""
        state = trained(self._state, "replayed", "replayed").state
        self._state = decided(state, promoted, reason, self._policy).state

    def _watch(self, champion: Fitted) -> "tuple[ModelDrift, ModelPerformance]":
        """What is normal for the model in force; made when it takes over."""
        if self._watched is None or self._watched[0].model is not champion:
            drift = ModelDrift.of(self._history, champion)
            self._watched = drift, ModelPerformance.of(self._history, champion)
        return self._watched

    def _release(self, now: np.datetime64) -> None:
        open_ = self._state.rejected >= self._policy.breaker
        bars = int(np.sum(self._history.until(now).astype(np.int64) > self._state.ended))
        if open_ and bars >= self._release_bars:
            self._state = release(self._state).state
            self._released.append(now)


@dataclass(frozen=True, eq=False)
class ModelDrift:
    """A model with what is normal for it.

    Attributes:
        history: that is replayed.
        model: in force.
        reference: fitted to the rows that the model was fitted or chosen by.
    """

    history: History
    model: Fitted
    reference: DriftReference

    @classmethod
    def of(cls, history: History, model: Fitted) -> "ModelDrift":
        """As a training makes it.

        Raises:
            InvalidDriftReference: the model was fitted to too few rows.
        """
        table = _table(history, model, model.fitted)
        lookback = history.training.options.feature_set().lookback
        return cls(history, model, fit_reference(table, lookback))

    def alarm(self, now: np.datetime64) -> bool:
        """Whether a check at this bar finds drift."""
        index = self.history.newest(now, self.reference.window)
        table = _table(self.history, self.model, index)
        return self.reference.check(table.values, table.columns).alarm


def _table(history: History, model: Fitted, index: npt.NDArray[np.int64]) -> DriftTable:
    rows = history.training.prepared.rows.ready[index]
    return reference_table(history.training, rows, model.said(index))


class PresetTrigger:
    """Half of the raw features drifted from the rows trained on, by Evidently's defaults.

    Its retrainings rest as ours do until the window has filled with new bars: without that, it
    would retrain at nearly every check.

    Args:
        history: that is replayed.
        rest_bars: after a retraining, in which none is asked for.
    """

    def __init__(self, history: History, rest_bars: int) -> None:
        self._history = history
        self._rest_bars = rest_bars
        self._now = history.start
        self._ended: np.datetime64 | None = None

    @property
    def released(self) -> tuple[np.datetime64, ...]:
        """Nobody intervenes."""
        return ()

    def look(self, champion: Fitted, now: np.datetime64) -> tuple[bool, str]:
        """The newest window against what the model was fitted or chosen by."""
        reference = self._history.features(champion.fitted)
        alarm = preset_drift(reference, self._history.features(self._history.newest(now, WINDOW)))
        self._now = now
        return alarm, "drift" if alarm and not self._rests(now) else ""

    def ended(self, promoted: bool, reason: str) -> None:
        """Rest from here on."""
        self._ended = self._now

    def _rests(self, now: np.datetime64) -> bool:
        if self._ended is None:
            return False
        return int(np.sum(self._history.until(now) > self._ended)) < self._rest_bars
