"""Gate: one reason for which a model version may be refused, and how gates are found."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import ClassVar, Protocol, cast

from ordinis_mlflow.errors import InvalidConfig
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
    found: dict[str, type[Gate]] = {}
    for point in sorted(entry_points(group=GROUP)):
        if point.name in found:
            raise InvalidConfig(
                f"gate {point.name!r} is installed twice, the second time as {point.value} "
                f"{_of(point)}: remove one"
            )
        found[point.name] = _loaded(point)
    return found


def _loaded(point: EntryPoint) -> type[Gate]:
    said = f"gate {point.name!r}, which is {point.value} {_of(point)}"
    try:
        gate = point.load()
    except Exception as error:  # importing somebody's module may raise anything
        raise InvalidConfig(
            f"{said}, cannot be loaded: {type(error).__name__}: {error}; repair or uninstall it"
        ) from error
    if not (isinstance(gate, type) and is_dataclass(gate) and callable(getattr(gate, "check", 0))):
        raise InvalidConfig(f"{said}, must be a dataclass with a method check, got {gate!r}")
    if getattr(gate, "name", None) != point.name:
        raise InvalidConfig(
            f"{said}, must have the name of its entry point, got {getattr(gate, 'name', None)!r}"
        )
    return cast("type[Gate]", gate)


def _of(point: EntryPoint) -> str:
    return f"of {point.dist.name}" if point.dist else "of an unknown distribution"
