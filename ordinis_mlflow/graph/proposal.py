"""Proposal: settings of a session that were measured to be faster on a kind of machine.

It is read as if a stranger had written it. Whatever it says, it sets nothing but what may be tuned,
within the bounds of the space, and no answer of a model depends on that: a session that is opened
with it has to pass the model's probe as any other.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, TypeVar

from ordinis_mlflow.errors import InvalidProposal, InvalidSpace
from ordinis_mlflow.graph.machine import Machine
from ordinis_mlflow.graph.session import SessionSettings
from ordinis_mlflow.graph.tunables import MOST_CORES, session_space, settings_of
from ordinis_mlflow.params import Configuration
from ordinis_mlflow.params.strict_json import parse

FORMAT = 1
MOST_LETTERS = 4096
"""Of a proposal; an honest one has about 600."""
MOST_NAME = 200

T = TypeVar("T")


@dataclass(frozen=True)
class Figures:
    """How much faster it was: for people, nothing is decided by it.

    Attributes:
        gain: throughput at batch 64 over that of the default settings, median of paired ratios.
        gain_low: end of its 95 % interval.
        gain_high: its other end.
        windows_per_s: throughput at batch 64.
        p50_ms: latency at batch 1.
        p95_ms: latency at batch 1.
        p99_ms: latency at batch 1.
    """

    gain: float
    gain_low: float
    gain_high: float
    windows_per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Proposal:
    """Settings for a model's graph of one precision on one kind of machine.

    Attributes:
        machine: where it was measured.
        precision: of the graph.
        settings: within ``session_space(machine)``.
        figures: what was measured.
        run_id: of the tuning.
        measured_at: UTC.

    Raises:
        InvalidProposal: the settings are outside the space, or the time has no zone.
    """

    machine: Machine
    precision: str
    settings: SessionSettings
    figures: Figures
    run_id: str
    measured_at: datetime

    def __post_init__(self) -> None:
        if self.measured_at.tzinfo is None:
            raise InvalidProposal("measured_at needs a time zone")
        if settings_of(self.configuration) != self.settings:
            raise InvalidProposal(f"{self.settings} sets what cannot be tuned on {self.machine}")

    @property
    def configuration(self) -> Configuration:
        """The settings as a point of the space.

        Raises:
            InvalidProposal: they are outside.
        """
        space = session_space(self.machine)
        values = asdict(self.settings)
        try:
            return space.check({name: values[name] for name in space.active(values)})
        except InvalidSpace as error:
            raise InvalidProposal(f"its settings cannot be used: {error}") from error

    def to_json(self) -> str:
        """JSON of one line."""
        said = {
            "format": FORMAT,
            "machine": asdict(self.machine),
            "precision": self.precision,
            "settings": dict(self.configuration),
            "figures": asdict(self.figures),
            "run_id": self.run_id,
            "measured_at": self.measured_at.astimezone(UTC).isoformat(timespec="seconds"),
        }
        return json.dumps(said, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "Proposal":
        """Read what :meth:`to_json` wrote.

        Raises:
            InvalidProposal: it is anything else: too long, a name too many, twice or missing, a
                value of another type or outside its bounds.
        """
        if len(text) > MOST_LETTERS:
            raise InvalidProposal(f"a proposal has at most {MOST_LETTERS} letters, got {len(text)}")
        try:
            said = _names(parse(text), {"format", *(field.name for field in fields(cls))})
            if said.pop("format") != FORMAT:
                raise InvalidProposal(f"it is not of format {FORMAT}")
            machine = _value(Machine, said["machine"])
            if not 1 <= machine.cores <= MOST_CORES:
                raise InvalidProposal(f"cores must be 1 to {MOST_CORES}, got {machine.cores}")
            settings = session_space(machine).check(_names(said["settings"]))
            return cls(
                machine,
                _text("precision", said["precision"]),
                settings_of(settings),
                _value(Figures, said["figures"]),
                _text("run_id", said["run_id"]),
                datetime.fromisoformat(_text("measured_at", said["measured_at"])),
            )
        except InvalidProposal:
            raise
        except (InvalidSpace, ValueError) as error:
            raise InvalidProposal(f"not a proposal: {error}") from error


def _value(kind: type[T], said: Any) -> T:
    """A dataclass of texts, whole numbers and numbers, each of exactly its type."""
    kinds = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]
    values = _names(said, set(kinds))
    for name, value in values.items():
        if kinds[name] is str:
            _text(name, value)
        elif type(value) is not kinds[name]:
            raise InvalidProposal(f"{name} is of another type: {value!r:.80}")
    return kind(**values)


def _names(said: Any, wanted: set[str] | None = None) -> dict[str, Any]:
    """An object, with exactly these names."""
    if not isinstance(said, Mapping) or (wanted is not None and set(said) != wanted):
        names = f"with {sorted(wanted)}" if wanted else "of settings"
        raise InvalidProposal(f"a JSON object {names} is needed, got {said!r:.80}")
    return dict(said)


def _text(name: str, value: Any) -> str:
    if type(value) is not str or not 0 < len(value) <= MOST_NAME or not value.isprintable():
        raise InvalidProposal(f"{name} is a text of 1 to {MOST_NAME} letters, got {value!r:.80}")
    return value
