"""Reaction: a serving process is told that another version is to be served."""

from dataclasses import dataclass
from typing import ClassVar

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.ledger import Action, Decision
from registry_hooks.reactions.signed_post import SignedPost


@dataclass(frozen=True)
class ReloadReaction(SignedPost):
    """POST of ``{"workspace", "model", "version", "alias", "number"}``, signed as a webhook is.

    A hint that changes nothing by itself. Hints may come late and out of order: the server asks the
    registry who holds the alias, or leaves out a ``number`` below the last that it followed.

    Attributes:
        target: the place whose holder is served; other decisions are nothing to the server.
        alias: by which the server loads it.
    """

    name: ClassVar[str] = "reload"
    actions: ClassVar[tuple[Action, ...]] = ("promote", "rollback", "break_glass")
    target: str = "Production"
    alias: str = "champion"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.target or not self.alias:
            raise InvalidConfig("target and alias must not be empty")

    def react(self, decision: Decision, key: str) -> None:
        """Tell the server, if a version came to its place.

        Raises:
            ReactionFailed: the server has not answered with 2xx.
        """
        entry = decision.entry
        if entry.action not in self.actions or entry.target != self.target:
            return
        hint = {"workspace": entry.workspace, "model": entry.model, "version": entry.version}
        self.post(hint | {"alias": self.alias, "number": decision.number}, key)
