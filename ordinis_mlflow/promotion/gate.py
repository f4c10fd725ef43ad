"""Gate: one reason for which a model version may be refused, and how gates are found."""

from collections.abc import Mapping
from typing import ClassVar, Protocol

from ordinis_mlflow.installed import installed
from ordinis_mlflow.promotion.candidate import Candidate
from ordinis_mlflow.verdict import Verdict

GROUP = "ordinis.gates"


class Gate(Protocol):
    """A frozen dataclass whose fields are its limits, each with a default.

    ``__post_init__`` raises InvalidConfig for a limit outside its range. Figures of a verdict are
    finite. Asked twice of one candidate, a gate decides the same. It reads the candidate only:
    nothing that a client can change afterwards, such as a tag.

    Attributes:
        name: of its entry point, of its table in the policy and of its verdicts.
    """

    name: ClassVar[str]

    def check(self, candidate: Candidate) -> Verdict:
        """Hold a candidate against the limits.

        Raises:
            OrdinisError: it cannot be asked; that counts as refused, for the error's reason.
        """
        ...


def installed_gates() -> Mapping[str, type[Gate]]:
    """Every gate of the entry-point group ``ordinis.gates``, by name.

    Raises:
        InvalidConfig: an entry point cannot be loaded, is no gate, or two have one name.
    """
    return installed(GROUP, "gate", "check")
