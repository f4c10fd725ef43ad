"""Records: what is decided about a version of a model, and what became of it in the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from ordinis_mlflow.errors import InvalidEntry
from ordinis_mlflow.verdict import Verdict

Action = Literal[
    "promote", "refuse", "rollback", "break_glass", "demote", "archive", "delete", "rename"
]
ACTIONS: tuple[Action, ...] = get_args(Action)
TAKES: tuple[Action, ...] = ("promote", "rollback", "break_glass")
"""Actions after which the version holds the target."""
STAGES = ("None", "Staging", "Production", "Archived")
"""Targets of which a version is at only one at a time; every other target is an alias."""

NAMES = ("who", "model", "workspace", "version", "target", "previous")
NAME_LENGTH = 256
HEXADECIMAL = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Entry:
    """What is to be written.

    Actions:
        promote, rollback, break_glass: the version holds the target from now on, alone. One that
            moves to a stage leaves the stage it was at.
        refuse: nothing changed; the verdicts and the reason say why.
        demote, archive: the version no longer holds the target. A stage may be named by where the
            version was or by where it went (``None``, ``Archived``): it is at neither now. A move
            down from Production to Staging is a promotion to Staging.
        delete: the version is gone, from stages and aliases too; without a version, the model is.
        rename: the model is called ``target`` from now on.

    Attributes:
        at: UTC nanoseconds, of the clock of the server that decided.
        who: whom the server knows the caller as.
        action: see above.
        model: registered model, within its workspace.
        workspace: "" without workspaces.
        version: of the model; "" where an action is about the model.
        target: "Production", "Staging", "@challenger", "None", ...
        previous: the version that held the target before; "" for none.
        verdicts: of the gates.
        digests: SHA-256 of every file of the version, by path.
        policy: SHA-256 of the policy file; "" where none applied.
        reason: for people.

    Raises:
        InvalidEntry: a field is of another type, is too long, or cannot be kept as text.
    """

    at: int
    who: str
    action: Action
    model: str
    workspace: str
    version: str
    target: str
    previous: str
    verdicts: tuple[Verdict, ...]
    digests: Mapping[str, str]
    policy: str
    reason: str

    def __post_init__(self) -> None:
        if type(self.at) is not int or not 0 <= self.at < 2**63:
            raise InvalidEntry(f"at must be UTC nanoseconds in [0, 2**63), got {self.at!r}")
        if self.action not in ACTIONS:
            raise InvalidEntry(f"action must be one of {', '.join(ACTIONS)}, got {self.action!r}")
        for name in NAMES:
            _check_text(name, getattr(self, name), NAME_LENGTH)
        _check_text("reason", self.reason)
        _check_hash("policy", self.policy or "0" * 64)
        for path, digest in self.digests.items():
            _check_hash(f"the digest of {path!r}", digest)


def _check_text(name: str, text: object, longest: int | None = None) -> None:
    if not isinstance(text, str):
        raise InvalidEntry(f"{name} must be text, got {text!r:.100}")
    if longest and len(text) > longest:
        raise InvalidEntry(f"{name} may have {longest} characters, got {len(text)}: {text:.40}...")
    # PostgreSQL keeps neither; what one database cannot keep is refused by both.
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidEntry(f"{name} holds a NUL or half a surrogate pair: {text!r:.100}")


def _check_hash(name: str, text: object) -> None:
    if not isinstance(text, str) or len(text) != 64 or not set(text) <= HEXADECIMAL:
        raise InvalidEntry(f"{name} must be a SHA-256 of 64 digits 0-9a-f, got {text!r:.100}")


@dataclass(frozen=True)
class Decision:
    """An entry that was written.

    Attributes:
        number: 1, 2, 3, ... without gaps.
        entry: what was written.
        previous_hash: of the decision before; 64 zeros for the first.
        hash: SHA-256 over the canonical JSON of all of the above (see ``chain``).
    """

    number: int
    entry: Entry
    previous_hash: str
    hash: str


@dataclass(frozen=True)
class Broken:
    """A place where the ledger does not fit.

    Attributes:
        number: of the decision there.
        what: ``number``, ``previous_hash``, ``hash``, ``head``, ``anchor``, ``decision`` (it cannot
            be read) or a column that is not in canonical form.
        expected: what a whole ledger would have there.
        found: what is there.
    """

    number: int
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"decision {self.number}: {self.what} should be {self.expected}, found {self.found}"
