"""Source: where the versions of an arm come from."""

import re
from dataclasses import dataclass

_ALIASED = re.compile(r"models:/(?P<name>[^/]+)@(?P<alias>[^/@]+)")


@dataclass(frozen=True)
class Source:
    """What an arm serves.

    Attributes:
        arm: ``champion``, ``challenger`` or ``shadow``.
        uri: any of MLflow's, or a folder. Whoever holds the alias of ``models:/name@alias`` is
            followed; all others name one version, which is served until the server ends.
    """

    arm: str
    uri: str

    @property
    def aliased(self) -> tuple[str, str] | None:
        """Registered name and alias, if an alias is followed.

        >>> Source("champion", "models:/sp500@champion").aliased
        ('sp500', 'champion')
        >>> Source("champion", "models:/sp500/3").aliased
        """
        match = _ALIASED.fullmatch(self.uri)
        return (match["name"], match["alias"]) if match else None
