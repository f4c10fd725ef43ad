"""What a model server is told: what to serve, how much at once, how long, and where."""

from dataclasses import dataclass, field, fields
from pathlib import Path

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.prediction_log import PredictionLogSettings
from ordinis_mlflow.serving.access import Access
from ordinis_mlflow.serving.experiment import Experiment

SESSIONS = PROPOSED, DEFAULT = ("proposed", "default")


@dataclass(frozen=True)
class Limits:
    """How much one request may ask for.

    Attributes:
        body_bytes: most bytes of a body.
        windows: most windows, or symbols, of a request.
        read_seconds: in which a body has to arrive.
        answer_seconds: in which it is answered; a client may ask for less, by ``X-Timeout-Ms``.

    Raises:
        InvalidConfig: a limit is not above zero.
    """

    body_bytes: int = 32 * 2**20
    windows: int = 4096
    read_seconds: float = 10.0
    answer_seconds: float = 30.0

    def __post_init__(self) -> None:
        _all_positive(self)


@dataclass(frozen=True)
class Batching:
    """How windows of concurrent requests share runs of the graph.

    Attributes:
        batch_windows: most windows of requests that are joined into one run.
        budget_seconds: most time that a joined run may take; fewer windows are joined then.
        inline_seconds: a run that takes no longer is done on the event loop's own thread, which is
            quicker than handing it to another.
        queue_windows: most windows that may wait; more are refused with 503.

    Raises:
        InvalidConfig: a figure is not above zero.
    """

    batch_windows: int = 16
    budget_seconds: float = 0.010
    inline_seconds: float = 0.002
    queue_windows: int = 8192

    def __post_init__(self) -> None:
        _all_positive(self)


@dataclass(frozen=True)
class Following:
    """When the registry is asked who holds the alias that is served.

    Attributes:
        reload_seconds: between two questions; a hint is answered by one at once.
        hint_seconds: in which a hint to one worker process is heard by all.
        longest_seconds: between two attempts at what has failed; the first comes after
            ``reload_seconds``, each further one after twice the pause.

    Raises:
        InvalidConfig: a figure is not above zero.
    """

    reload_seconds: float = 10.0
    hint_seconds: float = 0.25
    longest_seconds: float = 300.0

    def __post_init__(self) -> None:
        _all_positive(self)


@dataclass(frozen=True)
class ServingSettings:
    """What one server process is told.

    Attributes:
        model: what is served: any URI of MLflow; one with an alias, such as
            ``models:/sp500@champion``, is followed when the alias moves.
        precision: ``float32``, ``int8`` or ``fp16``.
        session: ``proposed``, as ``tune_serving`` has proposed for a registered version on this
            kind of machine, or ``default``.
        limits: of one request.
        batching: of all requests.
        following: of the alias.
        experiment: a second version beside it; none by default.
        access: who may ask.
        prediction_log: where answers are kept; nowhere by default.
        drift_scores: file in which a drift monitor leaves its scores; they are shown with the
            metrics.
        tracing: a span a request, to the OpenTelemetry collector that OTEL_* variables name.

    Raises:
        InvalidConfig: session is neither.
    """

    model: str = "models:/sp500@champion"
    precision: str = "float32"
    session: str = "proposed"
    limits: Limits = field(default_factory=Limits)
    batching: Batching = field(default_factory=Batching)
    following: Following = field(default_factory=Following)
    experiment: Experiment = field(default_factory=Experiment)
    access: Access = field(default_factory=Access)
    prediction_log: PredictionLogSettings = field(default_factory=PredictionLogSettings)
    drift_scores: Path | None = None
    tracing: bool = False

    def __post_init__(self) -> None:
        if self.session not in SESSIONS:
            raise InvalidConfig(f"session must be one of {list(SESSIONS)}, got {self.session!r}")


def _all_positive(settings: Limits | Batching | Following) -> None:
    for each in fields(settings):
        value = getattr(settings, each.name)
        if not 0 < value < float("inf"):
            raise InvalidConfig(f"{each.name} must be above 0, got {value!r}")
