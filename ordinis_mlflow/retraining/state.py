"""LoopState: where one model stands between two checks."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from ordinis_mlflow.errors import RetrainingError

WATCH, WARN, RETRAIN, EVALUATE, COOL_DOWN = "watch", "warn", "retrain", "evaluate", "cool_down"
PHASES = (WATCH, WARN, RETRAIN, EVALUATE, COOL_DOWN)


@dataclass(frozen=True)
class LoopState:
    """Times are those of bars, UTC nanoseconds, so that history can be played again.

    Attributes:
        phase: one of :data:`PHASES`.
        seen: newest bar that was looked at; 0 for none. An older one changes nothing.
        alarms: bars at which drift was found and not acted on yet, ascending.
        trigger: number of the latest trigger; 0 for none.
        cause: of the latest trigger: ``drift``, ``performance``, ``age`` or ``hand``.
        triggered: bar of the latest trigger; 0 for none.
        run: MLflow's id of the training that it led to; "" until that has begun.
        challenger: version that came of it; "" until it is registered.
        ended: bar at which the latest retraining ended; 0 for none.
        retrains: bars of the triggers that count against ``most_retrains``, ascending.
        rejected: challengers rejected or failed one after another.
        held: why somebody holds retraining back; "" if nobody does.
    """

    phase: str = WATCH
    seen: int = 0
    alarms: tuple[int, ...] = ()
    trigger: int = 0
    cause: str = ""
    triggered: int = 0
    run: str = ""
    challenger: str = ""
    ended: int = 0
    retrains: tuple[int, ...] = ()
    rejected: int = 0
    held: str = ""

    @property
    def under_way(self) -> bool:
        """Whether a retraining has been triggered and has not ended."""
        return self.phase in (RETRAIN, EVALUATE)

    @property
    def work(self) -> tuple[str, int] | None:
        """What there is to do: phase and number of the trigger; None for nothing."""
        return (self.phase, self.trigger) if self.under_way else None

    def to_json(self) -> str:
        """JSON text."""
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "LoopState":
        """Read what :meth:`to_json` wrote.

        Raises:
            RetrainingError: it is not a state that this version knows.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            for name in ("alarms", "retrains"):
                values[name] = tuple(int(each) for each in values[name])
            state = cls(**values)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise RetrainingError(f"what is kept of the loop cannot be read: {error}") from error
        if state.phase not in PHASES or set(values) != {field.name for field in fields(cls)}:
            raise RetrainingError(
                f"what is kept of the loop is of another version: phase {state.phase!r}"
            )
        return state
