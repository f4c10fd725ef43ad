"""Retraining: when a model is trained anew, and how that is remembered.

Floor 2: a state machine that decides (``policy``, ``machine``), and a table beside MLflow's that
keeps where each model stands (``desk``); what is under way is one worker's (``lease``). It trains
nothing; ``flows/retraining.py`` does.

    watch → warn → retrain → evaluate → cool down → watch

An alarm warns; a second one, well apart from the first, an alarm with worse performance, or age
trigger. One trigger is one retraining, on whatever machine it is done, and however often it is
begun anew after a crash.
"""

from ordinis_mlflow.retraining.desk import Desk, Event, Kept
from ordinis_mlflow.retraining.lease import Lease
from ordinis_mlflow.retraining.machine import (
    HAND,
    Observation,
    Step,
    ask,
    decided,
    failed,
    give_up,
    hold,
    observe,
    release,
    trained,
)
from ordinis_mlflow.retraining.opening import open_desk
from ordinis_mlflow.retraining.policy import RetrainPolicy
from ordinis_mlflow.retraining.state import COOL_DOWN, EVALUATE, RETRAIN, WARN, WATCH, LoopState

__all__ = [
    "COOL_DOWN",
    "EVALUATE",
    "HAND",
    "RETRAIN",
    "WARN",
    "WATCH",
    "Desk",
    "Event",
    "Kept",
    "Lease",
    "LoopState",
    "Observation",
    "RetrainPolicy",
    "Step",
    "ask",
    "decided",
    "failed",
    "give_up",
    "hold",
    "observe",
    "open_desk",
    "release",
    "trained",
]
