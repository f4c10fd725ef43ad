"""Reactions: what follows from a decision of the ledger, after it has been committed.

Floor 3: knows how reactions are found, configured and delivered from the outbox, and none of them;
they live in ``registry_hooks/reactions``.
"""

from ordinis_mlflow.reactions.configured import Configured, read_reactions
from ordinis_mlflow.reactions.deliverer import Deliverer
from ordinis_mlflow.reactions.delivery import Delivered, deliver_due
from ordinis_mlflow.reactions.reaction import Reaction, installed_reactions
from ordinis_mlflow.reactions.signature import signed
from ordinis_mlflow.reactions.telling import told

__all__ = [
    "Configured",
    "Delivered",
    "Deliverer",
    "Reaction",
    "deliver_due",
    "installed_reactions",
    "read_reactions",
    "signed",
    "told",
]
