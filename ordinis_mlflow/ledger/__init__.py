"""The ledger: every decision about a version of a model, and what is to follow from it.

`Ledger` writes decisions into one append-only chain inside the transaction that carries them out,
and answers what was where and why; `Outbox` keeps the reactions to a decision until they are done.
"""

from ordinis_mlflow.ledger.ledger import Ledger
from ordinis_mlflow.ledger.outbox import Due, Outbox
from ordinis_mlflow.ledger.records import ACTIONS, STAGES, Action, Broken, Decision, Entry

__all__ = [
    "ACTIONS",
    "STAGES",
    "Action",
    "Broken",
    "Decision",
    "Due",
    "Entry",
    "Ledger",
    "Outbox",
]
