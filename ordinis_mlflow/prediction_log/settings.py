"""What a prediction log is told."""

from dataclasses import dataclass

from ordinis_mlflow.errors import InvalidConfig


@dataclass(frozen=True)
class PredictionLogSettings:
    """Where predictions are kept, how soon, how much and how long.

    Attributes:
        log_folder: of the log; None for no log.
        log_flush_seconds: a row is on the disk about so long after its answer at the latest; what a
            process that is killed loses. Shorter makes more and smaller files.
        log_buffer_bytes: most memory of rows that wait for the disk; more are lost, and counted.
        log_rows_a_file: a new file is begun after about so many rows.
        log_keep_days: days before today (UTC) that are kept; 0 for ever.
        log_inputs: share of requests whose windows are kept, in [0, 1]; chosen by the request's id.

    Raises:
        InvalidConfig: a figure is outside its range.
    """

    log_folder: str | None = None
    log_flush_seconds: float = 30.0
    log_buffer_bytes: int = 256 * 2**20
    log_rows_a_file: int = 100_000
    log_keep_days: int = 0
    log_inputs: float = 1.0

    def __post_init__(self) -> None:
        for name in ("log_flush_seconds", "log_buffer_bytes", "log_rows_a_file"):
            if not 0 < getattr(self, name) < float("inf"):
                raise InvalidConfig(f"{name} must be above 0, got {getattr(self, name)!r}")
        if self.log_keep_days < 0:
            raise InvalidConfig(
                f"log_keep_days must be 0 (for ever) or more, got {self.log_keep_days!r}"
            )
        if not 0.0 <= self.log_inputs <= 1.0:
            raise InvalidConfig(f"log_inputs must be a share in [0, 1], got {self.log_inputs!r}")
