"""Reaction: something that is done after a decision, and how reactions are found."""

from collections.abc import Mapping
from typing import ClassVar, Protocol

from ordinis_mlflow.installed import installed
from ordinis_mlflow.ledger import ACTIONS, Action, Decision

GROUP = "ordinis.reactions"


class Reaction(Protocol):
    """A frozen dataclass whose fields are its settings: text, whole number, number, true or false.

    ``__post_init__`` raises InvalidConfig for a setting outside its range. Its ``repr`` shows no
    secret; a secret is a setting by the name of the environment variable that holds it.

    It makes sense after every action, unless its class has ``actions``, a tuple of those after
    which it does. ``kind``, ``actions`` and ``models`` are words of the policy, and no settings.

    Attributes:
        name: of its entry point.
    """

    name: ClassVar[str]

    def react(self, decision: Decision, key: str) -> None:
        """Do it; return only when it is done.

        May be called again with the same key, at the same time even: when a process dies before it
        has noted that it is done, or when it takes longer than ``delivery.LEASE_NS``. Done twice
        must be as good as done once, here or with whoever is told.

        Args:
            decision: that has been committed.
            key: the same at every attempt, and for no other decision or reaction.

        Raises:
            Exception: it is not done and is to be tried again. The message of an OrdinisError is
                logged; it holds no secret. Of any other error, the class and the line are.
        """
        ...


def installed_reactions() -> Mapping[str, type[Reaction]]:
    """Every reaction of the entry-point group ``ordinis.reactions``, by name.

    Raises:
        InvalidConfig: an entry point cannot be loaded, is no reaction, or two have one name.
    """
    return installed(GROUP, "reaction", "react")


def actions_of(kind: type[Reaction]) -> tuple[Action, ...]:
    """The actions after which a reaction makes sense."""
    return getattr(kind, "actions", ACTIONS)
