"""Reaction: a signed request that tells of the decision."""

from dataclasses import dataclass
from typing import ClassVar

from ordinis_mlflow.ledger import Decision
from ordinis_mlflow.reactions import told
from registry_hooks.reactions.signed_post import SignedPost


@dataclass(frozen=True)
class WebhookReaction(SignedPost):
    """POST of the decision as JSON, signed as ``ordinis_mlflow.reactions.signature`` says.

    It arrives at least once, and not always in the order of the decisions: a receiver drops an
    ``Ordinis-Delivery`` that it has had, and goes by ``number``.
    """

    name: ClassVar[str] = "webhook"

    def react(self, decision: Decision, key: str) -> None:
        """Tell of a decision.

        Raises:
            ReactionFailed: the receiver has not answered with 2xx.
        """
        self.post(told(decision), key)
