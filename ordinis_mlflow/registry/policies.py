"""Policies: the one that promotions are decided by now."""

import os
from pathlib import Path

from ordinis_mlflow.promotion import Policy, read_policy
from ordinis_mlflow.reactions import Reaction
from ordinis_mlflow.registry.refusals import answered

VARIABLE = "ORDINIS_POLICY"


class Policies:
    """Reads the file that ORDINIS_POLICY names, else the built-in one, again when it has changed.

    So a limit can be changed without a restart; every decision is written with the digest of the
    policy that it was made under.
    """

    def __init__(self) -> None:
        self._seen: tuple[object, Policy] | None = None

    def current(self) -> Policy:
        """The policy.

        Raises:
            MlflowException: 400, the file cannot be read or is not sound; nothing is promoted then.
        """
        path = os.environ.get(VARIABLE) or None
        state = (path, _state(path))
        seen = self._seen
        if seen is None or seen[0] != state:
            with answered():
                seen = (state, read_policy(path))
            self._seen = seen
        return seen[1]

    def reactions(self) -> dict[str, Reaction]:
        """Those of the policy, by the names of their tables.

        Raises:
            MlflowException: as ``current``.
        """
        return {each.name: each.reaction for each in self.current().reactions}


def _state(path: str | None) -> tuple[int, int, int] | None:
    try:
        found = Path(path).stat() if path else None
    except OSError:
        return None
    return found and (found.st_mtime_ns, found.st_size, found.st_ino)
