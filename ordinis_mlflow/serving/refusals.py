"""How errors become answers: a status, a kind for the metrics, and one line for the client."""

from ordinis_mlflow.errors import (
    DeadlinePassed,
    InvalidBars,
    InvalidWindows,
    OrdinisError,
    QueueFull,
    RequestRefused,
)
from ordinis_mlflow.serving.answers import Refusal, RefusalV2
from ordinis_mlflow.serving.http import Answer, Headers
from ordinis_mlflow.serving.strict_json import encode

MOST_CHARACTERS = 500
"""Of a message: a client's own data is not sent back to it by the megabyte."""
RETRY: Headers = ((b"retry-after", b"1"),)
CODES = {
    400: "INVALID_PARAMETER_VALUE",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "ENDPOINT_NOT_FOUND",
    405: "BAD_REQUEST",
    408: "DEADLINE_EXCEEDED",
    413: "REQUEST_LIMIT_EXCEEDED",
    415: "BAD_REQUEST",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""MLflow's names, which its clients know."""
REFUSALS = {"mlflow": Refusal, "v2": RefusalV2}
"""Protocol to the form of its errors."""


def status_and_kind(error: Exception) -> tuple[int, str]:
    """The status that an error is answered with, and its kind in the metrics."""
    if isinstance(error, RequestRefused):
        return error.status, error.kind
    for kind_of_error, status, kind in (
        (InvalidWindows, 400, "invalid_windows"),
        (InvalidBars, 400, "invalid_bars"),
        (QueueFull, 503, "queue_full"),
        (DeadlinePassed, 504, "deadline"),
        (OrdinisError, 503, "unavailable"),
    ):
        if isinstance(error, kind_of_error):
            return status, kind
    return 500, "internal"


def refusal(error: Exception, protocol: str = "mlflow") -> Answer:
    """The answer to a request that could not be answered otherwise.

    Args:
        error: what was raised; only the message of one of ours is shown.
        protocol: ``mlflow`` for its form of an error, ``v2`` for the Open Inference Protocol's.
    """
    status, _ = status_and_kind(error)
    message = one_line(str(error)) if isinstance(error, OrdinisError) else "an internal error"
    headers = getattr(error, "headers", RETRY if status == 503 else ())
    if protocol == "v2":
        return Answer(encode(RefusalV2(message)), status, headers=headers)
    code = CODES.get(status, "BAD_REQUEST")
    return Answer(encode(Refusal(code, message)), status, headers=headers)


def one_line(text: str) -> str:
    """Without line breaks or other control characters, and not longer than is readable."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…"
