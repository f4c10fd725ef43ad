"""Leak detector: change what must not matter, destroy what can be foreseen, and look what remains.

Nothing fitted may follow a change of bars that come after it, and no score may remain where nothing
can be foreseen.

A pipeline is audited through a small protocol (`Pipeline`, `Fitted`) and in four ways, each in a
file that says what it sees, what it does not, and how often it errs: `truncation`, `future`,
`shuffle` and `shift`.
"""

from ordinis_mlflow.leakage.audit import RUNS, audit
from ordinis_mlflow.leakage.fitted import Fitted, Keyed, Pipeline
from ordinis_mlflow.leakage.future import future
from ordinis_mlflow.leakage.shift import shift
from ordinis_mlflow.leakage.shuffle import shuffle
from ordinis_mlflow.leakage.truncation import truncation
from ordinis_mlflow.leakage.variants import replaced, shuffled

__all__ = [
    "RUNS",
    "Fitted",
    "Keyed",
    "Pipeline",
    "audit",
    "future",
    "replaced",
    "shift",
    "shuffle",
    "shuffled",
    "truncation",
]
